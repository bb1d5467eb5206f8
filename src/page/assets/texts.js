// A text as numbers: its terms by their hashes, as burnlab's `bag` makes them.

function encodeText(text, buckets, inputs) {
  const counts = new Map();
  for (const term of termsOf(text)) counts.set(term, (counts.get(term) ?? 0) + 1);
  const numbers = new Float64Array(buckets);
  for (const [term, count] of counts) {
    const hash = murmur3(new TextEncoder().encode(term));
    numbers[Math.abs(hash) % buckets] += (hash < 0 ? -1 : 1) * (1 + Math.log(count));
  }
  const length = Math.sqrt(numbers.reduce((sum, number) => sum + number * number, 0));
  for (const number of numbers) inputs.push(length > 0 ? Math.fround(number / length) : 0);
}

function termsOf(text) {
  const words = wordsOf(text);
  const terms = [...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)];
  for (const word of words) {
    const padded = Array.from(` ${word} `);
    for (const size of [3, 4])
      for (let start = 0; start + size <= padded.length; start++)
        terms.push(`\u0000${padded.slice(start, start + size).join("")}`);
  }
  return terms;
}

// Of scripts that write no spaces, each character is a word.
function wordsOf(text) {
  const alone = /[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3fffd}]/u;
  const words = [""];
  for (const character of text) {
    if (alone.test(character)) words.push(character, "");
    else if (/[\p{Alphabetic}\p{N}]/u.test(character)) words[words.length - 1] += character.toLowerCase();
    else words.push("");
  }
  return words.filter((word) => word !== "");
}

// MurmurHash3_x86_32 with seed 0, as a signed number.
function murmur3(bytes) {
  const turned = (number, by) => (number << by) | (number >>> (32 - by));
  const mixed = (block) => Math.imul(turned(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  const rest = bytes.length % 4;
  let hash = 0;
  for (let i = 0; i < bytes.length - rest; i += 4) {
    const block = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    hash = (Math.imul(turned(hash ^ mixed(block), 13), 5) + 0xe6546b64) | 0;
  }
  if (rest > 0) hash ^= mixed(bytes.slice(bytes.length - rest).reduceRight((block, byte) => (block << 8) | byte, 0));
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
