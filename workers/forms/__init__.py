"""The form engine: understands a form that nobody prepared, fills it, and judges what happened."""
