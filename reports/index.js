// Sorts and searches the table of workspaces. Without this script the page shows all of them, by name.
"use strict";
const body = document.querySelector("tbody");
const collator = new Intl.Collator(undefined, { numeric: true });
const rows = Array.from(body.rows, (row) => ({
  row,
  name: row.querySelector(".of").textContent,
  values: Array.from(row.cells, (cell) => BigInt(cell.dataset.value || 0)), // exact for any size
}));
rows.sort((a, b) => collator.compare(a.name, b.name));
rows.forEach((each, place) => (each.values[0] = place)); // compare names only once

function compare(a, b, column) {
  const x = a.values[column];
  const y = b.values[column];
  if (x === y) return a.values[0] - b.values[0];
  return x < y ? -1 : 1;
}

function sort(header, column) {
  // The first click shows names from A to Z, and figures from the largest down.
  const first = column === 0 ? "ascending" : "descending";
  const other = column === 0 ? "descending" : "ascending";
  const order = header.getAttribute("aria-sort") === first ? other : first;
  for (const each of header.parentElement.cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  rows.sort((a, b) => sign * compare(a, b, column));
  body.append(...rows.map(({ row }) => row));
}

document.querySelectorAll("thead th").forEach((header, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sort(header, column));
  header.append(button);
});

const search = document.querySelector("#search");
const found = document.querySelector("#found");

function filter() {
  const words = search.value.trim().toLocaleLowerCase();
  let count = 0;
  for (const { row, name } of rows) {
    row.hidden = !name.toLocaleLowerCase().includes(words);
    count += row.hidden ? 0 : 1;
  }
  found.textContent = words ? `${count} of ${rows.length} workspaces` : "";
}

search.addEventListener("input", filter);
search.form.addEventListener("submit", (event) => event.preventDefault());
search.form.hidden = false;
filter(); // the browser may have kept the text of the field
