// The widgets' words: `strings.LANG.json` has a table for each widget, and `common` for what several say.

/** `translator(table)("neuron")("sum", {value: 1})`; a word that is missing shows its key. */
export function translator(table) {
  return (part) => (key, values = {}) => {
    const text = table[part]?.[key] ?? table.common?.[key] ?? `${part}.${key}`;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  };
}
