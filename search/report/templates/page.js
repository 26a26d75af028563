(() => {
  "use strict";
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const phone = matchMedia("(max-width: 40rem)");

  // Figures: the data stand in the page as JSON, colours by name.

  function parsed(id) {
    const named = (_, value) =>
      typeof value === "string" && value.startsWith("var(") ? colour(value.slice(4, -1)) : value;
    return JSON.parse(document.getElementById(id).textContent, named);
  }

  function axis(own) {
    return {
      automargin: true, zeroline: false, gridcolor: colour("--rule"), linecolor: colour("--muted"),
      showline: true, ticks: "outside", tickcolor: colour("--muted"), ...own,
      title: { standoff: 8, ...own.title },
    };
  }

  function draw(holder) {
    const { data, layout, views } = parsed(holder.dataset.figure);
    const view = views && views[holder.dataset.view];
    if (view) {
      data.forEach((trace, place) => { trace.x = view.x[place]; });
      layout.xaxis.title.text = view.title;
    }
    Plotly.react(holder, data, {
      ...layout,
      xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 48, r: 8, t: 8, b: 44 },
      legend: { orientation: "h", y: phone.matches ? -0.28 : -0.18, yanchor: "top", x: 0 },
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--muted"), font: { color: colour("--ink") } },
      hovermode: "closest", dragmode: phone.matches ? false : "zoom",
    }, { responsive: true, displayModeBar: false, doubleClick: "reset" });
  }

  const holders = [...document.querySelectorAll("[data-figure]")];
  const drawAll = () => holders.forEach(draw);
  for (const wanted of document.querySelectorAll(".switch")) {
    const holder = document.getElementById(wanted.dataset.for);
    const choose = () => {
      holder.dataset.view = wanted.querySelector("input:checked").value;
      draw(holder);
    };
    wanted.addEventListener("change", choose);
    holder.dataset.view = wanted.querySelector("input:checked").value;
  }
  drawAll();
  document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true"); // its ruler
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  phone.addEventListener("change", drawAll);

  // Tables: a heading sorts, the form above filters.

  function key(row, place) {
    const cell = row.cells[place];
    return "value" in cell.dataset ? Number(cell.dataset.value.replace("inf", "Infinity")) : cell.textContent;
  }

  function sort(table, heading) {
    const place = heading.cellIndex;
    const isNumber = heading.classList.contains("n");
    const was = heading.getAttribute("aria-sort");
    const down = was ? was === "ascending" : isNumber && place > 0;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, place), row]);
    const before = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    rows.sort(([a], [b]) => (down ? before(b, a) : before(a, b)));
    body.append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(table, heading));
    }
  }

  for (const form of document.querySelectorAll(".filter")) {
    const rows = [...document.getElementById(form.dataset.for).tBodies[0].rows];
    const { text, state } = form.elements;
    const filter = () => {
      const wanted = text.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !(row.textContent.toLowerCase().includes(wanted)
          && (!state.value || row.dataset.state === state.value));
        shown += !row.hidden;
      }
      form.querySelector("output").textContent = `${shown} of ${rows.length} trials`;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
})();
