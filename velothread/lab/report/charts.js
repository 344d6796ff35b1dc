// Draws the report's line plots with uPlot, and shows figures in legends. Colours come from the page's styles, so that
// they follow the reader's choice of light or dark.
(() => {
  "use strict";
  const COLOURS = 8;
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = []; // every plot that there is

  let styles = getComputedStyle(root);
  const colour = (name) => styles.getPropertyValue("--" + name).trim();
  const colourOf = (line) => colour(line.style === "reference" ? "reference" : "line-" + line.hue);

  // Three digits, as the page's tables have them.
  const digits = (value, count = 3) => {
    if (value === 0) return "0";
    const places = Math.min(12, Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value)))));
    return value.toLocaleString("en", { maximumFractionDigits: places });
  };
  const scaled = (value, steps) => {
    const step = steps.find(([size]) => Math.abs(value) >= size) || steps[steps.length - 1];
    return digits(value / step[0]) + step[1];
  };
  const shown = {
    us: (v) => (v !== 0 && Math.abs(v) < 0.0999 ? digits(v * 1e3) + " ns" : Math.abs(v) < 1 ? digits(v) + " µs" : scaled(v, [[1e6, " s"], [1e3, " ms"], [1, " µs"]])),
    rate: (v) => scaled(v, [[1e9, " G"], [1e6, " M"], [1e3, " k"], [1, ""]]),
    share: (v) => digits(v * 100, Math.abs(v) < 0.0995 ? 2 : 3) + " %",
    count: (v) => digits(v),
    times: (v) => digits(v) + " times",
  };
  const shortCount = (v) => (v >= 1e4 ? scaled(v, [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) : digits(v));

  // Where a logarithmic axis is marked: powers of its base, and steps between them where there are few.
  const logMarks = (low, high, base) => {
    const between = base === 10 && Math.log10(high / low) < 2.5 ? [1, 2, 5] : [1];
    const marks = [];
    for (let power = Math.floor(Math.log(low) / Math.log(base)); base ** power <= high * 1.0001; power++) {
      for (const step of between) {
        const mark = step * base ** power;
        if (mark >= low * 0.9999 && mark <= high * 1.0001) marks.push(mark);
      }
    }
    return marks;
  };

  const rangeOf = (values, axis, fromZero) => {
    let low = Math.min(...values), high = Math.max(...values);
    if (axis.log) {
      const room = fromZero ? Math.max(1.3, (high / low) ** 0.08) : Math.max(1.05, (high / low) ** 0.03);
      return low === high ? [low / 2, high * 2] : [low / room, high * room];
    }
    if (fromZero) return [0, axis.unit === "share" ? Math.max(1, high) * 1.03 : high * 1.08 || 1];
    const room = low === high ? 0.5 : (high - low) * 0.04;
    return [low - room, high + room];
  };

  // Each line has a mark of its own form, and whiskers from the lowest to the highest figure.
  const FORMS = ["circle", "square", "triangle", "diamond"];
  const mark = (path, form, x, y, r) => {
    if (form === "circle") { path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); }
    if (form === "square") path.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
    if (form === "triangle") { path.moveTo(x, y - r * 1.15); path.lineTo(x + r * 1.1, y + r * 0.85); path.lineTo(x - r * 1.1, y + r * 0.85); path.closePath(); }
    if (form === "diamond") { path.moveTo(x, y - r * 1.25); path.lineTo(x + r * 1.25, y); path.lineTo(x, y + r * 1.25); path.lineTo(x - r * 1.25, y); path.closePath(); }
  };
  const marks = (line) => (u, index, from, to) => {
    const fill = new Path2D(), stroke = new Path2D();
    const r = (line.style === "marks" ? 6 : 4) * devicePixelRatio;
    for (const [x, y, low, high] of line.points) {
      const px = u.valToPos(x, "x", true), py = u.valToPos(y, "y", true);
      mark(fill, line.form, px, py, r);
      if (low !== null && high !== null && low < high) {
        stroke.moveTo(px, u.valToPos(low, "y", true));
        stroke.lineTo(px, u.valToPos(high, "y", true));
      }
    }
    if (line.style === "marks") stroke.addPath(fill);
    return { fill, stroke, flags: 3 };
  };

  const aligned = (plot) => {
    const xs = [...new Set(plot.lines.flatMap((line) => line.points.map((p) => p[0])))].sort((a, b) => a - b);
    return [xs, ...plot.lines.map((line) => {
      const at = new Map(line.points.map((p) => [p[0], p[1]]));
      let last = 0;
      return xs.map((x) => (line.style === "steps" ? (last = at.get(x) ?? last) : at.get(x) ?? null));
    })];
  };

  // Lines without marks are told apart by their dashes, too.
  const DASHES = [undefined, [10, 3], [2, 3], [10, 3, 2, 3], [5, 3], [14, 3, 4, 3]];
  const dashOf = (line) => (line.style === "reference" ? [6, 5] : line.style === "steps" ? DASHES[line.hue % DASHES.length] : undefined);

  const series = (line) => ({
    label: line.label,
    stroke: () => colourOf(line),
    width: line.style === "reference" ? 1.5 : 2,
    dash: dashOf(line),
    spanGaps: true,
    paths: line.style === "marks" ? () => null : line.style === "steps" ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(),
    points: line.style === "line" || line.style === "marks"
      ? { show: true, paths: marks(line), width: 1.5, stroke: () => colourOf(line), fill: () => (line.style === "marks" ? colour("card") : colourOf(line)) }
      : { show: false },
  });

  const swatch = (line) => {
    const dash = dashOf(line) ? ` stroke-dasharray="${dashOf(line).map((n) => n * 0.7).join(" ")}"` : "";
    const paint = `var(--${line.style === "reference" ? "reference" : "line-" + line.hue})`;
    const forms = {
      circle: '<circle cx="11" cy="7" r="3.6" />',
      square: '<path d="M7.8 3.8h6.4v6.4h-6.4z" />',
      triangle: '<path d="M11 2.6l4.2 7.6h-8.4z" />',
      diamond: '<path d="M11 2.4l4.6 4.6-4.6 4.6-4.6-4.6z" />',
    };
    const stroke = line.style === "marks" ? "" : `<path d="M0 7h22" stroke="${paint}" stroke-width="2"${dash} />`;
    const form = line.style === "line" ? `<g fill="${paint}">${forms[line.form]}</g>`
      : line.style === "marks" ? `<g fill="none" stroke="${paint}" stroke-width="1.8">${forms[line.form]}</g>` : "";
    return `<svg class="swatch" width="22" height="14" aria-hidden="true">${stroke}${form}</svg>`;
  };

  const legend = (plot, box, chart) => {
    const list = document.createElement("ul");
    list.className = "legend";
    const at = document.createElement("span");
    at.className = "at";
    box.previousElementSibling.append(" ", at);
    const outputs = plot.lines.map((line, i) => {
      const item = document.createElement("li"), button = document.createElement("button"), value = document.createElement("output");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.title = "show or hide";
      button.innerHTML = swatch(line); // made of numbers and names from here alone
      button.append(line.label + " ", value);
      button.addEventListener("click", () => {
        const show = !chart().series[i + 1].show;
        chart().setSeries(i + 1, { show });
        button.setAttribute("aria-pressed", String(show));
      });
      item.append(button);
      list.append(item);
      return value;
    });
    box.after(list);
    return (u) => {
      const i = u.cursor.idx;
      const on = i !== null && i !== undefined && u.cursor.left >= 0;
      at.textContent = on ? `${plot.x.label}: ${shown[plot.x.unit](u.data[0][i])}` : "";
      outputs.forEach((output, k) => {
        const value = on ? u.data[k + 1][i] : null;
        output.textContent = value === null || value === undefined ? "" : shown[plot.y.unit](value);
      });
    };
  };

  const draw = (plot, done) => {
    const box = document.getElementById(plot.id);
    let hue = 0;
    for (const line of plot.lines) {
      line.form = FORMS[hue % FORMS.length];
      line.hue = line.style === "reference" ? 0 : hue++ % COLOURS;
    }
    const points = plot.lines.flatMap((line) => line.points);
    const ys = points.flatMap(([, y, low, high]) => [y, low ?? y, high ?? y]).filter((y) => !plot.y.log || y > 0);
    const xRange = rangeOf(points.map((p) => p[0]), plot.x, false), yRange = rangeOf(ys, plot.y, true);
    const data = aligned(plot);
    const size = () => ({ width: Math.max(200, box.clientWidth), height: box.clientHeight });
    const context = document.createElement("canvas").getContext("2d");
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = (of, more) => ({
      stroke: () => colour("quiet"),
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { stroke: () => colour("rule"), width: 1, size: 5 },
      font,
      labelFont: font,
      filter: (u, splits) => splits,
      ...(of.log ? { splits: (u, i, low, high) => logMarks(low, high, of.log) } : {}),
      ...more,
    });
    let chart = null;
    const follow = legend(plot, box, () => chart);
    chart = new uPlot({
      ...size(),
      padding: [10, 14, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 9 } },
      scales: {
        x: { time: false, distr: plot.x.log ? 3 : 1, log: plot.x.log || 10, range: () => [...xRange] },
        y: { distr: plot.y.log ? 3 : 1, log: plot.y.log || 10, range: () => [...yRange] },
      },
      series: [{}, ...plot.lines.map(series)],
      axes: [
        axis(plot.x, {
          label: plot.x.label,
          labelSize: 20,
          size: 34,
          values: (u, splits) => splits.map(plot.x.unit === "count" ? shortCount : shown[plot.x.unit]),
          ...(plot.x.atPoints ? { splits: () => data[0] } : {}),
        }),
        axis(plot.y, {
          values: (u, splits) => splits.map(shown[plot.y.unit]),
          size: (u, values) => {
            context.font = font;
            return 16 + Math.max(0, ...(values || []).map((text) => context.measureText(text).width));
          },
        }),
      ],
      hooks: { setCursor: [(u) => follow(u)], draw: [() => done()] },
    }, data, box);
    drawn.push(chart);
    // The box has its size from page.css alone: what is drawn in it doesn't change it.
    new ResizeObserver(() => {
      const now = size();
      if (now.width !== chart.width || now.height !== chart.height) chart.setSize(now);
    }).observe(box);
  };

  const figures = JSON.parse(document.getElementById("chart-figures").textContent);
  for (const holder of document.querySelectorAll("[data-chart]")) {
    const plots = figures.filter((plot) => holder.querySelector("#" + CSS.escape(plot.id)));
    const left = new Set(plots.map((plot) => plot.id));
    const finish = () => { if (!left.size) holder.dataset.drawn = "true"; };
    for (const plot of plots) draw(plot, () => { left.delete(plot.id); finish(); });
    finish(); // bars are there already
    for (const bars of holder.querySelectorAll(".bars")) {
      const outputs = bars.querySelectorAll(".legend output");
      const show = (bar) => (bar ? bar.dataset.values.split("|") : []).forEach((value, i) => { outputs[i].textContent = value; });
      const clear = () => outputs.forEach((output) => { output.textContent = ""; });
      for (const bar of bars.querySelectorAll(".bar")) {
        for (const event of ["pointerenter", "focus"]) bar.addEventListener(event, () => show(bar));
        for (const event of ["pointerleave", "blur"]) bar.addEventListener(event, clear);
      }
    }
  }
  dark.addEventListener("change", () => {
    styles = getComputedStyle(root);
    for (const chart of drawn) chart.redraw(false, true);
  });
})();
