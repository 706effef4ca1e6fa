// Draws what an exported generator makes of a seed. Next to this page:
//   model.onnx and model.onnx.provenance.json   as gankit export wrote them (or ?model=other.onnx)
//   ort/                                        the folder dist of the npm package onnxruntime-web
import * as ort from "./ort/ort.wasm.min.mjs";
import { latents } from "./seeds.js";

const model = new URLSearchParams(location.search).get("model") ?? "model.onnx";
const [form, canvas, status] = ["form", "canvas", "#status"].map((at) => document.querySelector(at));
ort.env.wasm.numThreads = 1;

const about = (await (await fetch(`${model}.provenance.json`)).json()).export;
const session = await ort.InferenceSession.create(model);

for (const field of about.conditions) {
  const label = document.createElement("label");
  const input = document.createElement(field.values ? "select" : "input");
  for (const value of field.values ?? []) input.add(new Option(value));
  input.name = field.name;
  label.append(`${field.name} `, input);
  document.querySelector("#fields").append(label);
}

function condition() {
  const width = about.conditions.reduce((sum, field) => sum + field.width, 0);
  const c = new Float32Array(width);
  for (const field of about.conditions) {
    const value = form.elements[field.name].value;
    if (field.values) c[field.start + field.values.indexOf(value)] = 1;
    else c[field.start] = ((Number(value) || field.mean) - field.mean) / field.scale;
  }
  return new ort.Tensor("float32", c, [1, width]);
}

async function draw() {
  const seed = BigInt(form.elements.seed.value);
  const feed = { z: new ort.Tensor("float32", latents(seed, about.latent_dim), [1, about.latent_dim]) };
  if (about.conditions.length) feed.c = condition();
  const { pixels } = await session.run(feed);
  const [, height, width, channels] = pixels.dims;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = pixels.data[channels * i + (channels < 3 ? 0 : k)];
    image.data[4 * i + 3] = channels === 4 ? pixels.data[4 * i + 3] : 255;
  }
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `Generated picture of seed ${seed}`);
  status.textContent = `Seed ${seed}: generated, not a photograph`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  draw();
});
await draw();
