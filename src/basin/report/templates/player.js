"use strict";
// Plays the figures that move. The still picture is there without it; nothing is fetched and no text becomes markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const UNIT = 10000; // a side of the picture
  const SECONDS = 9; // from the first step to the last
  const NEAR = 26; // pixels within which the pointer finds a point
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function add(parent, tag, attributes, text) {
    const child = parent.appendChild(document.createElementNS(SVG, tag));
    for (const [key, value] of Object.entries(attributes)) child.setAttribute(key, value);
    if (text !== undefined) child.textContent = text;
    return child;
  }

  function shown(value) {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    if (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5) return String(Number(value.toPrecision(3))).replace("-", "−");
    const [lead, power] = value.toExponential(2).split("e");
    const raised = [...String(Number(power))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)])).join("");
    return `${String(Number(lead)).replace("-", "−")}×10${raised}`;
  }

  // One layout of the drawing: the lines walked so far, a dot at each walker, and what is under the pointer.
  class Stage {
    constructor(svg, [left, top, width, height], data, name) {
      Object.assign(this, { svg, left, top, width, height, data });
      const clip = add(add(svg, "defs", {}), "clipPath", { id: name });
      add(clip, "rect", { x: left, y: top, width, height });
      this.layer = add(svg, "g", { class: "layer-motion" });
      const cut = add(this.layer, "g", { "clip-path": `url(#${name})` });
      this.places = data.walkers.map(({ x, y }) => x.map((_, i) => this.place(x[i], y[i])));
      this.texts = this.places.map((points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`));
      const colours = data.walkers.map((walker) => Number(walker.colour));
      this.lines = colours.map((n) =>
        add(cut, "polyline", { class: `k-series${n}`, fill: "none", "stroke-width": 1.8, "stroke-linecap": "round" }));
      this.heads = colours.map((n) =>
        add(cut, "path", { class: `f-series${n} k-surface`, "stroke-width": 1, d: "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0" }));
      this.crosses = colours.map((n) =>
        add(this.layer, "path", { class: `k-series${n}`, fill: "none", "stroke-width": 2.4, d: "M-4,-4L4,4M-4,4L4,-4" }));
      this.tip = add(this.layer, "g", { visibility: "hidden", "pointer-events": "none" });
      this.ring = add(this.tip, "circle", { r: 6, class: "k-ink", fill: "none", "stroke-width": 1.5 });
      this.card = add(this.tip, "rect", { class: "f-surface k-rule", rx: 4, height: 20 });
      this.words = add(this.tip, "text", { class: "f-ink", "font-size": 11 });
      svg.addEventListener("pointermove", (event) => this.point(event));
      svg.addEventListener("pointerdown", (event) => this.point(event));
      svg.addEventListener("pointerleave", () => this.unpoint());
    }

    place(x, y) {
      return [this.left + (this.width * x) / UNIT, this.top + (this.height * y) / UNIT];
    }

    draw(at) {
      this.at = at;
      const whole = Math.floor(at);
      this.places.forEach((points, i) => {
        const last = points.length - 1;
        const here = Math.min(whole, last);
        let [x, y] = points[here];
        const walked = this.texts[i].slice(0, here + 1);
        if (here < last) {
          x += (at - whole) * (points[here + 1][0] - x);
          y += (at - whole) * (points[here + 1][1] - y);
          walked.push(`${x.toFixed(1)},${y.toFixed(1)}`);
        }
        const gone = this.gone(i, whole);
        this.lines[i].setAttribute("points", walked.join(" "));
        this.heads[i].setAttribute("transform", `translate(${x.toFixed(1)},${y.toFixed(1)})`);
        this.heads[i].setAttribute("visibility", gone ? "hidden" : "visible");
        const held = [Math.min(Math.max(x, this.left), this.left + this.width), Math.min(Math.max(y, this.top), this.top + this.height)];
        this.crosses[i].setAttribute("transform", `translate(${held[0].toFixed(1)},${held[1].toFixed(1)})`);
        this.crosses[i].setAttribute("visibility", gone ? "visible" : "hidden");
      });
    }

    gone(i, whole) {
      const walker = this.data.walkers[i];
      return walker.fate === "diverged" && whole >= walker.x.length;
    }

    point(event) {
      const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      let best = { distance: NEAR };
      this.places.forEach((points, i) => {
        for (let j = 0; j <= Math.min(Math.floor(this.at), points.length - 1); j += 1) {
          const distance = Math.hypot(points[j][0] - spot.x, points[j][1] - spot.y);
          if (distance < best.distance) best = { distance, i, j };
        }
      });
      if (best.i === undefined) this.unpoint();
      else this.tell(best.i, best.j);
    }

    tell(i, j) {
      const walker = this.data.walkers[i];
      const [x, y] = this.places[i][j];
      this.ring.setAttribute("cx", x);
      this.ring.setAttribute("cy", y);
      this.words.textContent = `${walker.label} · step ${this.data.steps[j]} · ${shown(walker.values[j])}`;
      const width = this.words.getComputedTextLength() + 14;
      const left = Math.min(Math.max(x - width / 2, this.left), this.left + this.width - width);
      const top = y - 34 < this.top ? y + 12 : y - 32;
      this.card.setAttribute("x", left);
      this.card.setAttribute("y", top);
      this.card.setAttribute("width", width);
      this.words.setAttribute("x", left + 7);
      this.words.setAttribute("y", top + 14);
      this.tip.setAttribute("visibility", "visible");
    }

    unpoint() {
      this.tip.setAttribute("visibility", "hidden");
    }
  }

  class Player {
    constructor(figure, data) {
      this.data = data;
      this.last = data.steps.length - 1;
      const drawings = figure.querySelectorAll(":scope > .wide > svg, :scope > .both > svg, :scope > .narrow > svg");
      this.stages = [...drawings].map((svg, i) => new Stage(svg, data.boxes[i], data, `${figure.id}-cut-${i}`));
      this.button = figure.querySelector(".player button");
      this.slider = figure.querySelector(".player input");
      this.output = figure.querySelector(".player output");
      this.list(figure.querySelector(".walkers"));
      this.button.addEventListener("click", () => (this.running ? this.pause() : this.play()));
      this.slider.addEventListener("input", () => {
        this.pause();
        this.show(Number(this.slider.value));
      });
      figure.classList.add("moving");
      figure.querySelector(".player").hidden = false;
      this.show(this.last);
      if (!calm.matches) this.playWhenSeen(figure);
    }

    list(items) {
      this.readings = this.data.walkers.map((walker) => {
        const item = items.appendChild(document.createElement("li"));
        const chip = add(item, "svg", { width: 18, height: 10, "aria-hidden": "true" });
        add(chip, "path", { class: `k-series${Number(walker.colour)}`, "stroke-width": 3, d: "M0,5H18" });
        item.appendChild(document.createElement("span")).textContent = walker.label;
        return item.appendChild(document.createElement("output"));
      });
      items.hidden = false;
    }

    playWhenSeen(figure) {
      const watch = new IntersectionObserver((seen) => {
        if (!seen.some((entry) => entry.isIntersecting)) return;
        watch.disconnect();
        this.play();
      }, { threshold: 0.4 });
      watch.observe(figure);
    }

    show(at) {
      this.at = at;
      const whole = Math.floor(at);
      const step = this.data.steps[whole];
      this.stages.forEach((stage) => stage.draw(at));
      this.slider.value = whole;
      this.slider.setAttribute("aria-valuetext", `step ${step}`);
      this.output.textContent = `step ${step}`;
      this.data.walkers.forEach((walker, i) => {
        const lost = walker.fate === "diverged" && whole >= walker.x.length;
        this.readings[i].textContent = lost ? `diverged at step ${walker.end + 1}` : shown(walker.values[whole]);
      });
    }

    play() {
      this.running = true;
      this.button.textContent = "Pause";
      let before;
      const from = this.at >= this.last ? 0 : this.at;
      const tick = (now) => {
        if (!this.running) return;
        before ??= now;
        this.show(Math.min(from + ((now - before) / (1000 * SECONDS)) * this.last, this.last));
        if (this.at >= this.last) this.pause();
        else requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }

    pause() {
      this.running = false;
      this.button.textContent = "Play";
    }
  }

  for (const figure of document.querySelectorAll("figure")) {
    const data = figure.querySelector('script[type="application/json"]');
    if (data) new Player(figure, JSON.parse(data.textContent));
  }
})();
