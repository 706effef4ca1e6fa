// The pages work without this: it shows what sliders are set to, and folds the form on a phone.
"use strict";

for (const range of document.querySelectorAll("input[type=range]")) {
  const shown = document.querySelector(`output[for="${range.id}"]`);
  const update = () => { shown.value = range.value; };
  range.addEventListener("input", update);
  update();
}

const controls = document.querySelector(".columns > .controls");
if (controls && matchMedia("(max-width: 48rem)").matches && !document.querySelector(".wrong")) {
  controls.open = false;
}

// The samples of an interpolation, one at a time.
const walk = document.querySelector("[data-walk]");
if (walk) {
  const steps = [...document.querySelectorAll(".grid img")];
  const [picture, slider] = [walk.querySelector("img"), walk.querySelector("input")];
  const show = () => {
    const step = steps[slider.value - 1];
    picture.src = step.src;
    picture.alt = step.alt;
    slider.setAttribute("aria-valuetext", `step ${slider.value} of ${steps.length}`);
  };
  for (const step of steps) step.loading = "eager";
  slider.addEventListener("input", show);
  walk.hidden = false;
  show();
}

// What was left empty need not stand in the address.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    const unused = [...form.elements].filter((one) => one.name && (
      one.value === "" || (one.name === "truncation" && one.value === "1")));
    for (const one of unused) one.disabled = true;
    setTimeout(() => { for (const one of unused) one.disabled = false; });
  });
}
