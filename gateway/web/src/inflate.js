// Raw inflate (RFC 1951) that is as strict as zlib, so that a body opens on a phone exactly if it
// does in Python. fflate's takes streams that zlib refuses: lengths of stored blocks that do not
// agree, codes that are incomplete or do not exist. Bit by bit, after zlib's contrib/puff: bodies
// are short.

const MAX_BITS = 15;
const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59];
LENGTH_BASE.push(67, 83, 99, 115, 131, 163, 195, 227, 258);
const LENGTH_EXTRA = LENGTH_BASE.map((_, i) => (i < 8 || i === 28 ? 0 : (i >> 2) - 1));
const DISTANCE_EXTRA = Array.from({ length: 30 }, (_, i) => (i < 4 ? 0 : (i >> 1) - 1));
const DISTANCE_BASE = [1];
for (let i = 0; i < 29; i++) DISTANCE_BASE.push(DISTANCE_BASE[i] + (1 << DISTANCE_EXTRA[i]));
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

// What a stream holds, at most max bytes, or null if it holds more, breaks off or is damaged.
// Distances may reach back into the dictionary.
export function inflate(packed, dictionary, max) {
  const start = dictionary.length;
  const out = new Uint8Array(start + max);
  out.set(dictionary);
  let size = start;
  let place = 0; // in bits

  function bits(count) {
    let value = 0;
    for (let i = 0; i < count; i++, place++) {
      check(place >> 3 < packed.length);
      value |= ((packed[place >> 3] >> (place & 7)) & 1) << i;
    }
    return value;
  }

  function symbol(code) {
    let [value, first, index] = [0, 0, 0];
    for (let length = 1; length <= MAX_BITS; length++) {
      value |= bits(1);
      const count = code.counts[length];
      if (value - count < first) return code.symbols[index + (value - first)];
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw new Damaged();
  }

  function put(byte) {
    check(size < out.length);
    out[size++] = byte;
  }

  function stored() {
    place = (place + 7) & ~7;
    const length = bits(16);
    check(bits(16) === (length ^ 0xffff));
    for (let i = 0; i < length; i++) put(bits(8));
  }

  function coded(literals, distances) {
    for (;;) {
      const what = symbol(literals);
      if (what === 256) return;
      if (what < 256) {
        put(what);
        continue;
      }
      check(what - 257 < LENGTH_BASE.length);
      const length = LENGTH_BASE[what - 257] + bits(LENGTH_EXTRA[what - 257]);
      const far = symbol(distances);
      check(far < DISTANCE_BASE.length);
      const distance = DISTANCE_BASE[far] + bits(DISTANCE_EXTRA[far]);
      check(distance <= size);
      for (let i = 0; i < length; i++) put(out[size - distance]);
    }
  }

  function codesOfBlock() {
    const [literals, distances, lengths] = [bits(5) + 257, bits(5) + 1, bits(4) + 4];
    check(literals <= 286 && distances <= 30);
    const short = new Array(ORDER.length).fill(0);
    for (let i = 0; i < lengths; i++) short[ORDER[i]] = bits(3);
    const code = codeOf(short, false);
    const all = [];
    while (all.length < literals + distances) {
      const what = symbol(code);
      check(what !== 16 || all.length > 0);
      if (what < 16) all.push(what);
      else if (what === 16) repeat(all, all[all.length - 1], 3 + bits(2));
      else repeat(all, 0, what === 17 ? 3 + bits(3) : 11 + bits(7));
    }
    check(all.length === literals + distances);
    return [codeOf(all.slice(0, literals), true), codeOf(all.slice(literals), true)];
  }

  try {
    for (let last = 0; !last; ) {
      last = bits(1);
      const kind = bits(2);
      check(kind < 3);
      if (kind === 0) stored();
      else coded(...(kind === 1 ? FIXED : codesOfBlock()));
    }
  } catch (e) {
    if (e instanceof Damaged) return null;
    throw e;
  }
  return out.slice(start, size);
}

class Damaged extends Error {}

function check(holds) {
  if (!holds) throw new Damaged();
}

function repeat(all, value, times) {
  for (let i = 0; i < times; i++) all.push(value);
}

// A canonical Huffman code from the lengths of its codewords. It must be complete; one codeword of
// one bit, or none, may stand alone.
function codeOf(lengths, alone) {
  const counts = new Array(MAX_BITS + 1).fill(0);
  for (const length of lengths) counts[length] += 1;
  const used = lengths.length - counts[0];
  let left = 1;
  for (let length = 1; length <= MAX_BITS; length++) {
    left = 2 * left - counts[length];
    check(left >= 0);
  }
  check(left === 0 || (alone && used === counts[1]));
  const symbols = [];
  for (let length = 1; length <= MAX_BITS; length++) {
    lengths.forEach((one, symbol) => one === length && symbols.push(symbol));
  }
  return { counts, symbols };
}

const FIXED_LENGTHS = new Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
const FIXED = [codeOf(FIXED_LENGTHS, false), codeOf(new Array(32).fill(5), false)];
