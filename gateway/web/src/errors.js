// What can go wrong, as the page tells it apart.

// Somebody's bytes or text, or our request, were not taken. `code` is a word for the page's
// sentences; `card` is a stranger's, where one came along.
export class Refused extends Error {
  constructor(code, message = code, card = null) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.card = card;
  }
}

// The gateway does not answer: try again later. Nothing is lost by it. code: its word for why, if
// it said one.
export class Away extends Error {
  constructor(message, code = "") {
    super(message);
    this.name = "Away";
    this.code = code;
  }
}
