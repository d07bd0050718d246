"use strict";
// The gateway. `ask` resolves to parsed JSON, or rejects with {sentence, status}; status 0 is no
// answer at all. XMLHttpRequest because it has a timeout on every phone.

function ask(path, body, timeout_ms) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(body === undefined ? "GET" : "POST", path);
    request.timeout = timeout_ms || ANSWER_MS;
    request.onerror = request.ontimeout = request.onabort = () => {
      setReached(false);
      reject({ status: 0, sentence: t("no_answer") });
    };
    request.onload = () => {
      const date = Date.parse(request.getResponseHeader("Date"));
      if (date) clockAhead_s = (date - Date.now()) / 1000;
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch (notJson) { /* said below */ }
      if (answer !== null && request.status < 300) return resolve(answer);
      const sentence = (answer && answer.error) || t("strange_answer", { status: String(request.status) });
      reject({ status: request.status, sentence: sentence });
    };
    if (body !== undefined) request.setRequestHeader("Content-Type", "application/json");
    request.send(body === undefined ? null : JSON.stringify(body));
  });
}

function setReached(now) {
  if (reached === now) return;
  reached = now;
  if (!now) {
    relay = null;
    stopListening();
  }
  show("banner", now ? "" : t("out_of_reach"));
  drawRelay();
}

// Every ten seconds, and whenever the person looks: is the gateway there, is a relay? A stream
// whose Wi-Fi is gone looks alive to the browser, so this question also decides that.
let looking = false;
let nextLook = 0;
async function look() {
  if (looking) return;
  looking = true;
  clearTimeout(nextLook);
  try {
    const status = await ask("/api/status");
    if (!stream) await catchUp();
    setReached(true);
    relay = status;
    drawRelay();
    if (stream) show("banner", "");
    else listen();
  } catch (failure) {
    if (failure.status === undefined) throw failure; // a mistake in this page
    if (failure.status) show("banner", failure.sentence);
  } finally {
    looking = false;
    nextLook = setTimeout(look, reached ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
  }
  if (open) for (const message of of(open).values()) drawState(message); // some have grown old
}

async function catchUp() {
  const now = await ask("/api/me");
  if (me && me.id !== now.id) return location.reload(); // another gateway, or a new beginning
  const first = !me || me.run !== now.run;
  if (first) { // a gateway that lost power may have lost its last rows: take nothing for granted
    messages.clear();
    lastSeq = 0;
    unsure = null;
  }
  contacts = await ask("/api/contacts");
  let rows;
  do {
    rows = await ask("/api/messages?limit=" + ROWS + "&after=" + lastSeq);
    if (first) rows.forEach(take);
    else heard(rows);
  } while (rows.length === ROWS);
  me = now;
  drawMe();
  if (first || !open) route(); // the address may name a contact that is only known now
}

function listen() {
  stopListening();
  if (!window.EventSource) {
    show("banner", "");
    return poll();
  }
  const source = new EventSource("/api/events?after=" + lastSeq);
  stream = { stop: () => source.close() };
  source.addEventListener("message", (event) => heard([JSON.parse(event.data)]));
  source.onopen = () => show("banner", "");
  source.onerror = () => { // look() begins a new stream, after asking whether the gateway restarted
    const refused = source.readyState === EventSource.CLOSED;
    stopListening();
    if (refused) show("banner", t("busy"));
    else setTimeout(look, 1000);
  };
}

async function poll() {
  const mine = stream = { stop: () => {} };
  try {
    while (stream === mine) {
      const path = "/api/messages?limit=" + ROWS + "&wait=" + WAIT_S + "&after=" + lastSeq;
      heard(await ask(path, undefined, WAIT_S * 1000 + ANSWER_MS));
    }
  } catch (failure) {
    if (failure.status === undefined) throw failure;
    if (stream === mine) stopListening();
  }
}

function stopListening() {
  if (stream) stream.stop();
  stream = null;
}
