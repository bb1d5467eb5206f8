// A filter taken apart where it is joined by "and", so that what is clicked can be put into what is typed. Pure functions.

const WORD = /^[^\s()[\],=!<>~"']+$/;
const COMPARISON = /^(last\([^\s()[\],=!<>~"']+\)|[^\s()[\],=!<>~"']+)\s*(!=|<=|>=|==|=|~|<|>)\s*(.+)$/s;

/** A value as the filter reads it: a text that is no plain word is quoted, by the quotation mark that it does not have. */
export function written(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  if (/^[\w.\-]+$/.test(value) && !/^(and|or|not)$/i.test(value)) return value;
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}

/** Whether a filter can name it. */
export const isNameable = (key) => WORD.test(key.replace(/^last\((.*)\)$/, "$1"));

/** Splits `text` at a keyword outside of quotes and brackets. */
function split(text, keyword) {
  const parts = [];
  let [start, depth, quote] = [0, 0, ""];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (quote) quote = sign === quote ? "" : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if ("([".includes(sign)) depth += 1;
    else if (")]".includes(sign)) depth -= 1;
    else if (depth === 0 && /^[\s)]?$/.test(text[at - 1] ?? "")) {
      const word = new RegExp(`^${keyword}(?=[\\s(]|$)`, "i").exec(text.slice(at, at + keyword.length + 1))?.[0];
      if (!word) continue;
      parts.push(text.slice(start, at).trim());
      start = at + word.length;
      at = start - 1;
    }
  }
  return [...parts, text.slice(start).trim()];
}

/** The terms of a filter that all must hold. */
function terms(q) {
  if (!q.trim()) return [];
  return split(q, "or").length > 1 ? [`(${q.trim()})`] : split(q, "and").filter(Boolean);
}

/** The comparisons of a term that is about one field alone: `[[key, operator, value]...]`, of which one must hold; or null. */
function comparisons(term) {
  const inner = /^\((.*)\)$/s.exec(term)?.[1];
  const found = split(inner ?? term, "or").map((part) => COMPARISON.exec(part)?.slice(1));
  return found.every((one) => one && one[0] === found[0][0] && split(one[2], "and").length === 1) ? found : null;
}

/** What a filter says of one field, `[[operator, value]...]`, as it is written. */
export const saidOf = (q, key) =>
  terms(q)
    .flatMap((term) => comparisons(term) ?? [])
    .filter(([name]) => name === key)
    .map(([, operator, value]) => [operator, value]);

/** The filter with `own`, more terms, in place of all that it says of one field. */
export function replaced(q, key, own) {
  const others = terms(q).filter((term) => comparisons(term)?.[0][0] !== key);
  return [...others, ...own].join(" and ");
}

/** A term that holds for some values of a field. */
export const oneOf = (key, values) => {
  const all = values.map((value) => `${key} = ${value}`);
  return all.length > 1 ? [`(${all.join(" or ")})`] : all;
};

/** The filter with one more value of a field, or without it. */
export function toggled(q, key, value) {
  const values = saidOf(q, key).filter(([operator]) => operator === "=").map(([, one]) => one);
  const rest = values.filter((one) => one !== value);
  return replaced(q, key, oneOf(key, rest.length < values.length ? rest : [...values, value]));
}
