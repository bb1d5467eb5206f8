// The widgets' words: `strings.LANG.json` has a table for each widget, and `common` for what several say.

/**
 * `translator(table)("neuron")("sum", {value: 1})`; a word that is missing shows its key. In a text, `{value}` is the value, and
 * `{value:unit|units}` the one word if it is 1, and the other if not.
 */
export function translator(table) {
  return (part) => (key, values = {}) => {
    const text = table[part]?.[key] ?? table.common?.[key] ?? `${part}.${key}`;
    return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => (one === undefined ? (values[name] ?? "") : Number(values[name]) === 1 ? one : many));
  };
}
