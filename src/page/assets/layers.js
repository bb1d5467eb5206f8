// What each layer makes of one row: a tensor { shape, values }, row-major. Of several members in one network there is a list
// of tensors, { members }, between the layers that make and average them.

function compute(layers, tensor) {
  for (const layer of layers) {
    const apply = LAYERS[layer.layer];
    const isOfMembers = tensor.members && !layer.layer.includes("members") && layer.layer !== "member_dense";
    tensor = isOfMembers ? { members: tensor.members.map((one) => apply(layer, one)) } : apply(layer, tensor);
  }
  return tensor;
}

const LAYERS = {
  dense: ({ weight, bias }, x) => dense(x, weight.values, bias.values),
  activation: ({ function: name }, { shape, values }) => ({ shape, values: values.map(ACTIVATIONS[name]) }),
  residual: ({ layers }, x) => {
    const change = compute(layers, x).values;
    return { shape: x.shape, values: x.values.map((value, i) => value + change[i]) };
  },
  branches: ({ branches }, x) => concatenate(branches.map((layers) => compute(layers, x))),
  select: ({ places }, { values }) => vector(places.map((place) => values[place])),
  reshape: ({ shape }, { values }) => ({ shape, values }),
  transpose: ({ order }, x) => transpose(x, order),
  convolution: ({ weight, bias }, x) => convolution(x, weight, bias.values),
  max_pool: ({ size }, x) => maxPool(x, size),
  layer_norm: ({ scale, shift, epsilon }, x) => layerNorm(x, scale.values, shift.values, epsilon),
  smooth_clip: ({ largest, limit }, { shape, values }) => ({
    shape,
    values: values.map((value) => {
      const x = Math.min(Math.max(value, -largest), largest);
      return x / Math.sqrt(1 + (x / limit) ** 2);
    }),
  }),
  waves: waves,
  lookup: ({ table }, { shape, values }) => {
    const width = table.shape[1];
    const rows = new Float64Array(values.length * width);
    values.forEach((row, i) => rows.set(table.values.subarray(row * width, (row + 1) * width), i * width));
    return { shape: [...shape, width], values: rows };
  },
  prepend: ({ step }, { shape: [steps, width], values }) => {
    const all = new Float64Array(width + values.length);
    all.set(step.values);
    all.set(values, width);
    return { shape: [steps + 1, width], values: all };
  },
  add_positions: ({ positions }, { shape, values }) => ({
    shape,
    values: values.map((value, i) => value + positions.values[i]),
  }),
  attention: ({ heads, is_causal }, x) => attention(x, heads, is_causal),
  recurrent: recurrent,
  step: ({ is_last }, { shape: [steps, width], values }) => {
    const start = is_last ? (steps - 1) * width : 0;
    return { shape: [width], values: values.slice(start, start + width) };
  },
  mean_step: (_, { shape: [steps, width], values }) => {
    const mean = new Float64Array(width);
    values.forEach((value, i) => (mean[i % width] += value / steps));
    return { shape: [width], values: mean };
  },
  scale_members: ({ scale }, { shape, values }) => ({
    members: rowsOf(scale).map((row) => ({ shape, values: values.map((value, i) => value * row[i]) })),
  }),
  member_dense: ({ weight, bias }, { members }) => {
    const [weights, biases] = [rowsOf(weight), rowsOf(bias)];
    return { members: members.map((x, i) => dense(x, weights[i], biases[i])) };
  },
  average_members: ({ mean }, { members }) => average(mean, members),
};

const ACTIVATIONS = {
  sigmoid: sigmoid,
  tanh: Math.tanh,
  relu: (x) => (x <= 0 ? 0 : x),
  leaky_relu: (x) => (x < 0 ? 0.01 * x : x),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  silu: (x) => x * sigmoid(x),
};

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

// The error function: its Taylor series near 0, the continued fraction of erfc further out (Abramowitz and Stegun, 7.1.5 and
// 7.1.14).
function erf(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let [power, sum] = [x, x];
    for (let n = 1; Math.abs(power) > 1e-16 * Math.abs(sum); n++) {
      power *= -(x * x) / n;
      sum += power / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = size;
  for (let n = 40; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / fraction);
}

function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function vector(values) {
  return { shape: [values.length], values: Float64Array.from(values) };
}

function product(sizes) {
  return sizes.reduce((a, b) => a * b, 1);
}

// The parts of an array along its first dimension.
function rowsOf({ shape: [count], values }) {
  const width = values.length / count;
  return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width));
}

// The last dimension times a matrix, whose rows are as many.
function dense({ shape, values }, weight, bias) {
  const inputs = shape[shape.length - 1];
  const outputs = bias.length;
  const rows = values.length / inputs;
  const sums = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const start = row * outputs;
    sums.set(bias, start);
    for (let i = 0; i < inputs; i++) {
      const value = values[row * inputs + i];
      if (value === 0) continue;
      for (let o = 0; o < outputs; o++) sums[start + o] += value * weight[i * outputs + o];
    }
  }
  return { shape: [...shape.slice(0, -1), outputs], values: sums };
}

// Side by side along the last dimension.
function concatenate(tensors) {
  const widths = tensors.map(({ shape }) => shape[shape.length - 1]);
  const width = widths.reduce((a, b) => a + b, 0);
  const rows = tensors[0].values.length / widths[0];
  const values = new Float64Array(rows * width);
  let start = 0;
  tensors.forEach((tensor, i) => {
    for (let row = 0; row < rows; row++) {
      values.set(tensor.values.subarray(row * widths[i], (row + 1) * widths[i]), row * width + start);
    }
    start += widths[i];
  });
  return { shape: [...tensors[0].shape.slice(0, -1), width], values };
}

function transpose({ shape, values }, order) {
  const strides = shape.map((_, dimension) => product(shape.slice(dimension + 1)));
  const sizes = order.map((dimension) => shape[dimension]);
  const steps = order.map((dimension) => strides[dimension]);
  const moved = values.map((_, place) => {
    let [rest, from] = [place, 0];
    for (let i = sizes.length - 1; i >= 0; i--) {
      from += (rest % sizes[i]) * steps[i];
      rest = Math.floor(rest / sizes[i]);
    }
    return values[from];
  });
  return { shape: sizes, values: moved };
}

function convolution({ shape: [channels, height, width], values }, weight, bias) {
  const [outputs, , kernel] = weight.shape;
  const margin = (kernel - 1) / 2;
  const sums = new Float64Array(outputs * height * width);
  for (let o = 0; o < outputs; o++) {
    const image = sums.subarray(o * height * width, (o + 1) * height * width).fill(bias[o]);
    for (let c = 0; c < channels; c++) {
      for (let dy = 0; dy < kernel; dy++) {
        for (let dx = 0; dx < kernel; dx++) {
          const factor = weight.values[((o * channels + c) * kernel + dy) * kernel + dx];
          const [down, right] = [dy - margin, dx - margin];
          const [first, end] = [Math.max(0, -right), Math.min(width, width - right)];
          for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
            const from = (c * height + y + down) * width + right;
            for (let x = first; x < end; x++) image[y * width + x] += factor * values[from + x];
          }
        }
      }
    }
  }
  return { shape: [outputs, height, width], values: sums };
}

function maxPool({ shape: [channels, height, width], values }, size) {
  const [down, across] = [Math.floor(height / size), Math.floor(width / size)];
  const largest = new Float64Array(channels * down * across).fill(-Infinity);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < down * size; y++) {
      for (let x = 0; x < across * size; x++) {
        const to = (c * down + Math.floor(y / size)) * across + Math.floor(x / size);
        largest[to] = Math.max(largest[to], values[(c * height + y) * width + x]);
      }
    }
  }
  return { shape: [channels, down, across], values: largest };
}

function layerNorm({ shape, values }, scale, shift, epsilon) {
  const width = scale.length;
  const normal = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    const mean = row.reduce((a, b) => a + b, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const deviation = Math.sqrt(variance + epsilon);
    row.forEach((value, i) => (normal[start + i] = ((value - mean) / deviation) * scale[i] + shift[i]));
  }
  return { shape, values: normal };
}

function waves({ frequency, phase, weight, bias }, { values }) {
  const [columns, count, features] = weight.shape;
  const sums = Float64Array.from(bias.values);
  for (let c = 0; c < columns; c++) {
    for (let w = 0; w < count; w++) {
      const place = c * count + w;
      const turns = frequency.values[place] * values[c] + phase.values[place];
      const height = Math.cos(2 * Math.PI * turns);
      for (let f = 0; f < features; f++) sums[c * features + f] += height * weight.values[place * features + f];
    }
  }
  return { shape: [columns, features], values: sums };
}

// Queries, keys and values lie side by side, and each is split among the heads.
function attention({ shape: [steps, three], values }, heads, isCausal) {
  const width = three / 3;
  const ofHead = width / heads;
  const seen = new Float64Array(steps * width);
  for (let head = 0; head < heads; head++) {
    const start = head * ofHead;
    for (let step = 0; step < steps; step++) {
      const scores = new Float64Array(isCausal ? step + 1 : steps);
      for (let other = 0; other < scores.length; other++) {
        let sum = 0;
        for (let i = start; i < start + ofHead; i++) sum += values[step * three + i] * values[other * three + width + i];
        scores[other] = sum / Math.sqrt(ofHead);
      }
      softmax(scores).forEach((weight, other) => {
        for (let i = start; i < start + ofHead; i++) {
          seen[step * width + i] += weight * values[other * three + 2 * width + i];
        }
      });
    }
  }
  return { shape: [steps, width], values: seen };
}

function recurrent(layer, x) {
  const [steps] = x.shape;
  const units = layer.state_weight.shape[0];
  const fromInputs = rowsOf(dense(x, layer.input_weight.values, layer.input_bias.values));
  const states = new Float64Array(steps * units);
  let state = vector(new Float64Array(units));
  let memory = new Float64Array(units);
  for (let i = 0; i < steps; i++) {
    const step = layer.is_reversed ? steps - 1 - i : i;
    const input = fromInputs[step];
    const own = dense(state, layer.state_weight.values, layer.state_bias.values).values;
    const gate = (index, unit) => sigmoid(input[index * units + unit] + own[index * units + unit]);
    const next = state.values.map((before, unit) => {
      if (layer.cell === "lstm") {
        const candidate = Math.tanh(input[3 * units + unit] + own[3 * units + unit]);
        memory[unit] = gate(1, unit) * memory[unit] + gate(0, unit) * candidate;
        return gate(2, unit) * Math.tanh(memory[unit]);
      }
      const candidate = Math.tanh(input[2 * units + unit] + gate(0, unit) * own[2 * units + unit]);
      return candidate + gate(1, unit) * (before - candidate);
    });
    state = vector(next);
    states.set(next, step * units);
  }
  return { shape: [steps, units], values: states };
}

// Quantiles of outputs: the lowest, and of each further one how far it lies above the one before, as its softplus.
function quantilesOf(outputs) {
  let last = 0;
  return Array.from(outputs, (output, i) => (last = i === 0 ? output : last + Math.max(output, 0) + Math.log1p(Math.exp(-Math.abs(output)))));
}

// The outputs of which `quantilesOf` makes these; a smaller step than 1e-6 counts as that.
function partsOf(quantiles) {
  return quantiles.map((quantile, i) => {
    if (i === 0) return quantile;
    const step = Math.max(quantile - quantiles[i - 1], 1e-6);
    return step + Math.log1p(-Math.exp(-step));
  });
}

function average(kind, members) {
  const mean = (rows) => rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  const logOfMean = (rows) => mean(rows).map((probability) => Math.log(Math.max(probability, 1e-30)));
  const rows = members.map(({ values }) => values);
  if (kind === "number") return vector(mean(rows));
  if (kind === "quantiles") return vector(partsOf(mean(rows.map(quantilesOf))));
  if (kind === "softmax") return vector(logOfMean(rows.map((row) => softmax(row))));
  const second = logOfMean(rows.map((row) => row.map(sigmoid)));
  const first = logOfMean(rows.map((row) => row.map((logit) => sigmoid(-logit))));
  return vector(second.map((log, i) => log - first[i]));
}
