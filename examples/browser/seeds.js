// The normal latents that gankit draws for a seed: SplitMix64 of seed and stream, then Box and Muller.

const keep = (n) => BigInt.asUintN(64, n);

function bits(seed, stream) {
  let z = keep(seed * 0x9e3779b97f4a7c15n + stream * 0xd1b54a32d192ed03n);
  z = keep((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = keep((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

export function latents(seed, width) {
  const half = (width + 1) >> 1;
  const z = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const both = bits(seed, 2n ** 32n + BigInt(i));
    const radius = Math.sqrt(-2 * Math.log((Number(both & 0xffffffffn) + 1) / 2 ** 32));
    const angle = (Number(both >> 32n) * 2 * Math.PI) / 2 ** 32;
    z[i] = radius * Math.cos(angle);
    if (half + i < width) z[half + i] = radius * Math.sin(angle);
  }
  return z;
}
