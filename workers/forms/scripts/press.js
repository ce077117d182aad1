// Clicks one button. Says why when it cannot: the button is gone or disabled, and nothing is clicked.
({ref}) => {
  const button = window[Symbol.for("fleet")]?.buttons[ref];
  if (!button?.isConnected) return {pressed: false, why: "the button is gone"};
  if (button.matches(":disabled")) return {pressed: false, why: "the button is disabled"};
  button.click();
  return {pressed: true, why: ""};
}
