// Sorts and searches the table of workspaces; without it the page is whole, by name.
"use strict";
const body = document.querySelector("tbody");
const rows = Array.from(body.rows, (row) => ({
  row,
  name: row.cells[0].querySelector(".of").textContent,
  values: Array.from(row.cells, (cell) => (cell.dataset.value ? BigInt(cell.dataset.value) : null)),
}));
const byName = new Intl.Collator(undefined, { numeric: true });

function compare(a, b, column) {
  if (column === 0) return byName.compare(a.name, b.name);
  const [x, y] = [a.values[column], b.values[column]];
  return x < y ? -1 : x > y ? 1 : 0;
}

function sort(header, column) {
  // Names begin with the first, figures with the largest.
  const first = column === 0 ? "ascending" : "descending";
  const other = column === 0 ? "descending" : "ascending";
  const order = header.getAttribute("aria-sort") === first ? other : first;
  for (const each of header.parentElement.cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  rows.sort((a, b) => sign * compare(a, b, column) || byName.compare(a.name, b.name));
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
filter(); // a browser may have kept what was typed
