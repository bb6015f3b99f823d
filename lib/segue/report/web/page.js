"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("data-page");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 600px)");
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink2").trim();
  const drawn = new Map();
  const hidden = new Set();

  // One look for light and dark: what is drawn on transparent ground takes the page's own ink.
  const inked = (layout) => {
    layout.font = { ...layout.font, color: ink() };
    return layout;
  };

  const draw = (place) => {
    if (!drawn.has(place)) drawn.set(place, begin(place));
    return drawn.get(place);
  };
  const begin = (place) => {
    const figure = read("figure-" + place.dataset.figure);
    const layout = inked(figure.layout);
    if (narrow.matches && layout.height > 430 && (layout.scene || place.dataset.figure === "cluster_map")) layout.height = 430;
    // a narrow view shows less to the sides: step back, lest the axes be cut off
    if (narrow.matches && layout.scene) for (const axis of "xyz") layout.scene.camera.eye[axis] *= 1.3;
    place.style.minHeight = layout.height + "px";
    if (place.dataset.figure !== "cluster_map") {
      // a finger or a wheel that passes by shall scroll the page, not the figure
      for (const name of Object.keys(layout)) if (/^[xy]axis\d*$/.test(name)) layout[name].fixedrange = true;
    } else if (narrow.matches) layout.dragmode = false;
    // numbers that would be too small to read are left to the hover
    if (narrow.matches) for (const trace of figure.data) if (trace.type === "heatmap") delete trace.texttemplate;
    for (const trace of figure.data) if (trace.meta && hidden.has(trace.meta.cluster)) trace.visible = false;
    return Plotly.newPlot(place, figure.data, layout, data.config).then(() => place.classList.add("drawn"));
  };

  const places = [...document.querySelectorAll(".plot")];
  const watcher = new IntersectionObserver(
    (seen) => { for (const one of seen) if (one.isIntersecting) { watcher.unobserve(one.target); draw(one.target); } },
    { rootMargin: "300px" });
  for (const place of places) watcher.observe(place);
  addEventListener("beforeprint", () => { for (const place of places) draw(place); });
  const whenDrawn = (place, act) => { if (drawn.has(place)) drawn.get(place).then(act); };
  for (const look of [dark, matchMedia("print")]) look.addEventListener("change", () => {
    for (const place of places) whenDrawn(place, () => Plotly.relayout(place, { "font.color": ink() }));
  });

  // Clusters are switched in the map and in the 3-D scatter alike.
  const maps = ["cluster_map", "scatter_3d"].map((name) => document.getElementById("plot-" + name));
  const switches = [...document.querySelectorAll(".switch[aria-pressed]")];
  const show = () => {
    for (const button of switches) button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.cluster))));
    for (const place of maps) whenDrawn(place, () => {
      Plotly.restyle(place, { visible: place.data.map((trace) => !hidden.has(trace.meta.cluster)) });
    });
  };
  for (const button of document.querySelectorAll(".switch")) button.addEventListener("click", () => {
    const which = button.dataset.cluster;
    if (which === "all") hidden.clear();
    else if (which === "none") for (const one of switches) hidden.add(Number(one.dataset.cluster));
    else if (!hidden.delete(Number(which))) hidden.add(Number(which));
    show();
  });

  const scatter = document.getElementById("plot-scatter_3d");
  for (const select of document.querySelectorAll("[data-axis]")) select.addEventListener("change", async () => {
    await draw(scatter);
    const axis = select.dataset.axis;
    Plotly.update(scatter, { [axis]: data.values[select.value] },
      { ["scene." + axis + "axis.title.text"]: data.titled[select.value] });
  });

  const byYear = document.getElementById("plot-feature_by_year");
  const yearly = document.querySelector("[data-year]");
  if (yearly) yearly.addEventListener("change", async () => {
    await draw(byYear);
    const one = data.years[yearly.value];
    Plotly.update(byYear, { y: [one.y], customdata: [one.customdata] }, { "yaxis.title.text": data.titled[yearly.value] });
  });

  const search = document.getElementById("search");
  if (!search) return;
  const hits = document.getElementById("hits");
  const answer = document.getElementById("answer");
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const known = data.similar.map((one) => folded(one.title + " " + one.artist));
  const element = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const named = (one) => {
    const made = element("span", "track");
    made.append(element("bdi", "", one.title));
    if (one.artist) { const by = element("span", "by"); by.append(element("bdi", "", one.artist)); made.append(" ", by); }
    return made;
  };
  const marked = (cluster) => {
    const made = document.createDocumentFragment();
    const dot = element("span", "dot");
    dot.style.background = data.colours[cluster];
    made.append(dot, " ", element("span", "number", String(cluster)));
    return made;
  };
  let place = -1;
  const open = (shown) => {
    hits.hidden = !shown;
    search.setAttribute("aria-expanded", String(shown));
    search.removeAttribute("aria-activedescendant");
    place = -1;
  };
  const choose = (index) => {
    const one = data.similar[index];
    open(false);
    const list = element("ol");
    for (const near of one.near) {
      const item = element("li");
      const line = element("span");
      line.append(named(near), " ", marked(near.cluster));
      item.append(line);
      if (near.why) item.append(element("span", "why", near.why));
      list.append(item);
    }
    const title = element("h3");
    title.append("After ", named(one), " ", marked(one.cluster));
    answer.replaceChildren(title, one.near.length ? list : element("p", "about", "Nothing in the catalogue is near it."));
  };
  const point = (next) => {
    const items = [...hits.querySelectorAll("[data-index]")];
    if (!items.length) return;
    place = (next + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === place)));
    search.setAttribute("aria-activedescendant", items[place].id);
  };
  const find = () => {
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    const found = words.length ? known.flatMap((text, i) => (words.every((word) => text.includes(word)) ? [i] : [])) : [];
    hits.replaceChildren(...found.slice(0, 8).map((index, i) => {
      const item = element("li");
      item.id = "hit-" + i;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.dataset.index = index;
      item.append(named(data.similar[index]));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(index); });
      return item;
    }));
    if (words.length && !found.length) {
      const none = element("li", "", "No such track among those listed here.");
      none.setAttribute("role", "option");
      hits.append(none);
    }
    open(words.length > 0);
  };
  search.addEventListener("input", find);
  search.addEventListener("focus", () => { if (search.value) find(); });
  search.addEventListener("blur", () => open(false));
  search.addEventListener("keydown", (event) => {
    if (hits.hidden && /^Arrow(Up|Down)$/.test(event.key)) find();
    if (event.key === "ArrowDown") point(place + 1);
    else if (event.key === "ArrowUp") point(Math.max(place, 0) - 1);
    else if (event.key === "Escape") open(false);
    else if (event.key === "Enter") { const item = hits.children[Math.max(place, 0)]; if (!hits.hidden && item.dataset.index) choose(Number(item.dataset.index)); }
    else return;
    event.preventDefault();
  });
  if (data.similar.length) choose(0);
})();
