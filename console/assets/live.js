// Appends the lines that the server streams to the table of the live page.
"use strict";

const most = 500; // lines on the page
const table = document.querySelector("#lines");
const status = document.querySelector("#status");
const pause = document.querySelector("#pause");
const held = [];
let paused = false;
let position = table.dataset.next;

function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const row = template.content.querySelector("tr");
  if (!row) return;
  const old = document.getElementById(row.id);
  if (old) {
    old.replaceWith(row);
    return;
  }
  row.classList.add("fresh");
  table.prepend(row);
  while (table.rows.length > most) table.lastElementChild.remove();
  document.querySelector("#empty")?.remove();
}

function connect() {
  const query = new URLSearchParams(location.search);
  query.set("from", position);
  const source = new EventSource("stream?" + query);
  source.onopen = () => { status.textContent = "Connected: new events appear here."; };
  source.addEventListener("line", (event) => {
    position = event.lastEventId || position;
    if (!paused) {
      show(event.data);
    } else if (held.push(event.data) > most) {
      held.shift();
    }
    if (paused) pause.textContent = `Resume (${held.length} held)`;
  });
  source.onerror = () => {
    source.close();
    status.textContent = "The connection is interrupted. Trying again every second: if the server was restarted, open the address that it printed.";
    setTimeout(connect, 1000);
  };
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Resume" : "Pause";
  if (!paused) held.splice(0).forEach(show);
});

connect();
