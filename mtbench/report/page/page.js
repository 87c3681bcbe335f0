"use strict";
(() => {
  // Sorting: a click on a column's head, or #sort=<table>.<column>[.worst] in the address.
  const value = (row, column) => {
    const text = row.cells[column].dataset.v;
    return text === undefined || text === "" ? null : isNaN(text) ? text : Number(text);
  };
  const sort = (table, column, worst) => {
    const head = table.tHead.rows[0].cells[column];
    const up = (head.dataset.better !== "higher") !== worst;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const compare = (a, b) => {
      const x = value(a, column), y = value(b, column);
      if (x === null || y === null) return (x === null) - (y === null);
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return up ? order : -order;
    };
    const body = table.tBodies[0];
    for (const title of body.querySelectorAll("tr.group")) title.remove(); // its rows no longer stand together
    table.classList.add("sorted");
    body.append(...[...body.rows].sort(compare));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const best = head.dataset.better === "higher" ? "descending" : "ascending";
        const worst = head.getAttribute("aria-sort") === best;
        sort(table, column, worst);
        try {
          history.replaceState(null, "", `#sort=${table.id}.${column}${worst ? ".worst" : ""}`);
        } catch { /* a page in a frame may not */ }
      });
    });
  }
  const asked = () => {
    const found = /^#sort=([\w-]+)\.(\d+)(\.worst)?$/.exec(location.hash);
    const table = found && document.getElementById(found[1]);
    if (table && table.matches("table.sortable") && found[2] < table.tHead.rows[0].cells.length)
      sort(table, Number(found[2]), Boolean(found[3]));
  };
  addEventListener("hashchange", asked);
  asked();

  // Picking scenarios: pressed in one legend, they stand out in every plot.
  const picked = new Set();
  const show = () => {
    document.body.classList.toggle("picked", picked.size > 0);
    for (const mark of document.querySelectorAll("svg .s"))
      mark.classList.toggle("on", [...picked].some((name) => mark.classList.contains(name)));
    for (const button of document.querySelectorAll(".legend button"))
      button.setAttribute("aria-pressed", picked.has(button.dataset.s));
  };
  for (const entry of document.querySelectorAll(".legend [data-s]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.s = entry.dataset.s;
    button.append(...entry.childNodes);
    button.addEventListener("click", () => {
      if (!picked.delete(button.dataset.s)) picked.add(button.dataset.s);
      show();
    });
    entry.replaceWith(button);
  }
  show();

  // On paper nothing can be unfolded.
  const folded = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) { part.open = true; folded.push(part); }
  });
  addEventListener("afterprint", () => {
    for (const part of folded.splice(0)) part.open = false;
  });
})();
