"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("data-page");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 600px)");
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink2").trim();
  const drawn = new Map();
  const hidden = new Set();

  // Figures are transparent: their text takes the page's colour, in light and in dark mode.
  const withInk = (layout) => {
    layout.font = { ...layout.font, color: ink() };
    return layout;
  };

  const draw = (plot) => {
    if (!drawn.has(plot)) drawn.set(plot, newPlot(plot));
    return drawn.get(plot);
  };
  const newPlot = (plot) => {
    const figure = read("figure-" + plot.dataset.figure);
    const layout = withInk(figure.layout);
    if (narrow.matches && layout.height > 430 && (layout.scene || plot.dataset.figure === "cluster_map")) layout.height = 430;
    // in a narrow view a nearer camera cuts off the axes
    if (narrow.matches && layout.scene) for (const axis of "xyz") layout.scene.camera.eye[axis] *= 1.3;
    plot.style.minHeight = layout.height + "px";
    if (plot.dataset.figure !== "cluster_map") {
      // touch and wheel scroll the page, they do not zoom the figure
      for (const name of Object.keys(layout)) if (/^[xy]axis\d*$/.test(name)) layout[name].fixedrange = true;
    } else if (narrow.matches) layout.dragmode = false;
    // numbers too small to read are in the hover label
    if (narrow.matches) for (const trace of figure.data) if (trace.type === "heatmap") delete trace.texttemplate;
    for (const trace of figure.data) if (trace.meta && hidden.has(trace.meta.cluster)) trace.visible = false;
    return Plotly.newPlot(plot, figure.data, layout, data.config).then(() => plot.classList.add("drawn"));
  };

  const plots = [...document.querySelectorAll(".plot")];
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) { observer.unobserve(target); draw(target); }
    },
    { rootMargin: "300px" });
  for (const plot of plots) observer.observe(plot);
  addEventListener("beforeprint", () => { for (const plot of plots) draw(plot); });
  const whenDrawn = (plot, callback) => { if (drawn.has(plot)) drawn.get(plot).then(callback); };
  for (const query of [dark, matchMedia("print")]) query.addEventListener("change", () => {
    for (const plot of plots) whenDrawn(plot, () => Plotly.relayout(plot, { "font.color": ink() }));
  });

  // A cluster is hidden in the map and in the 3-D scatter together.
  const maps = ["cluster_map", "scatter_3d"].map((name) => document.getElementById("plot-" + name));
  const switches = [...document.querySelectorAll(".switch[aria-pressed]")];
  const show = () => {
    for (const button of switches) button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.cluster))));
    for (const plot of maps) whenDrawn(plot, () => {
      Plotly.restyle(plot, { visible: plot.data.map((trace) => !hidden.has(trace.meta.cluster)) });
    });
  };
  for (const button of document.querySelectorAll(".switch")) button.addEventListener("click", () => {
    const { cluster } = button.dataset;
    if (cluster === "all") hidden.clear();
    else if (cluster === "none") for (const other of switches) hidden.add(Number(other.dataset.cluster));
    else if (!hidden.delete(Number(cluster))) hidden.add(Number(cluster));
    show();
  });

  const scatter = document.getElementById("plot-scatter_3d");
  for (const select of document.querySelectorAll("[data-axis]")) select.addEventListener("change", async () => {
    await draw(scatter);
    const axis = select.dataset.axis;
    Plotly.update(scatter, { [axis]: data.values[select.value] },
      { ["scene." + axis + "axis.title.text"]: data.labels[select.value] });
  });

  const byYear = document.getElementById("plot-feature_by_year");
  const yearSelect = document.querySelector("[data-year]");
  if (yearSelect) yearSelect.addEventListener("change", async () => {
    await draw(byYear);
    const { y, customdata } = data.years[yearSelect.value];
    Plotly.update(byYear, { y: [y], customdata: [customdata] }, { "yaxis.title.text": data.labels[yearSelect.value] });
  });

  const search = document.getElementById("search");
  if (!search) return;
  const hits = document.getElementById("hits");
  const answer = document.getElementById("answer");
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const searchTexts = data.similar.map((entry) => folded(entry.title + " " + entry.artist));
  const element = (tag, name, text) => {
    const created = document.createElement(tag);
    if (name) created.className = name;
    if (text !== undefined) created.textContent = text;
    return created;
  };
  const trackElement = ({ title, artist }) => {
    const track = element("span", "track");
    track.append(element("bdi", "", title));
    if (artist) { const by = element("span", "by"); by.append(element("bdi", "", artist)); track.append(" ", by); }
    return track;
  };
  const clusterElement = (cluster) => {
    const fragment = document.createDocumentFragment();
    const dot = element("span", "dot");
    dot.style.background = data.colours[cluster];
    fragment.append(dot, " ", element("span", "number", String(cluster)));
    return fragment;
  };
  let selected = -1;
  const setOpen = (isOpen) => {
    hits.hidden = !isOpen;
    search.setAttribute("aria-expanded", String(isOpen));
    search.removeAttribute("aria-activedescendant");
    selected = -1;
  };
  const choose = (index) => {
    const entry = data.similar[index];
    setOpen(false);
    const list = element("ol");
    for (const neighbour of entry.neighbours) {
      const item = element("li");
      const line = element("span");
      line.append(trackElement(neighbour), " ", clusterElement(neighbour.cluster));
      item.append(line);
      if (neighbour.reason) item.append(element("span", "why", neighbour.reason));
      list.append(item);
    }
    const title = element("h3");
    title.append("After ", trackElement(entry), " ", clusterElement(entry.cluster));
    answer.replaceChildren(title, entry.neighbours.length ? list : element("p", "about", "No similar tracks."));
  };
  const select = (next) => {
    const items = [...hits.querySelectorAll("[data-index]")];
    if (!items.length) return;
    selected = (next + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === selected)));
    search.setAttribute("aria-activedescendant", items[selected].id);
  };
  const find = () => {
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    const isMatch = (text) => words.length > 0 && words.every((word) => text.includes(word));
    const matches = searchTexts.flatMap((text, i) => (isMatch(text) ? [i] : []));
    hits.replaceChildren(...matches.slice(0, 8).map((index, i) => {
      const item = element("li");
      item.id = "hit-" + i;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.dataset.index = index;
      item.append(trackElement(data.similar[index]));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(index); });
      return item;
    }));
    if (words.length && !matches.length) {
      const none = element("li", "", "No match among the tracks listed here.");
      none.setAttribute("role", "option");
      hits.append(none);
    }
    setOpen(words.length > 0);
  };
  search.addEventListener("input", find);
  search.addEventListener("focus", () => { if (search.value) find(); });
  search.addEventListener("blur", () => setOpen(false));
  search.addEventListener("keydown", (event) => {
    if (hits.hidden && /^Arrow(Up|Down)$/.test(event.key)) find();
    if (event.key === "ArrowDown") select(selected + 1);
    else if (event.key === "ArrowUp") select(Math.max(selected, 0) - 1);
    else if (event.key === "Escape") setOpen(false);
    else if (event.key === "Enter") { const item = hits.children[Math.max(selected, 0)]; if (!hits.hidden && item.dataset.index) choose(Number(item.dataset.index)); }
    else return;
    event.preventDefault();
  });
  if (data.similar.length) choose(0);
})();
