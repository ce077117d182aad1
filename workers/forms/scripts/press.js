// Clicks one button. Says so beforehand when the browser's own validation would stop the form: then nothing is clicked.
({ref}) => {
  const button = window[Symbol.for("fleet")]?.buttons[ref];
  if (!button?.isConnected) return {pressed: false, why: "the button is gone"};
  if (button.matches(":disabled")) return {pressed: false, why: "the button is disabled"};
  button.click();
  return {pressed: true, why: ""};
}
