// A canvas to draw an image on, or a file to read it from.

const SIDE = 280;

function showCanvas(model, place, show) {
  const [height, width, channels] = model.image.shape;
  const { low, high, isDark } = levelsOf(model);
  const [paper, ink] = isDark ? ["#000", "#fff"] : ["#fff", "#000"];
  const canvas = element("canvas", { width: SIDE, height: Math.round((SIDE * height) / width) });
  const seen = element("canvas", { width, height, className: "seen" });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const clear = element("button", { type: "button", textContent: "Clear" });
  const file = element("input", { type: "file", accept: "image/*", id: "image" });
  const label = element("label", { textContent: "or an image file", htmlFor: file.id });
  canvas.setAttribute("aria-label", "draw here");
  seen.setAttribute("aria-label", "what the network sees");

  const take = (image) => {
    const levels = scaled(image.data, [image.height, image.width], [height, width], channels);
    const cells = Object.create(null);
    model.network.inputs.columns.forEach((column, i) => (cells[column.name] = String(low + (high - low) * levels[i])));
    seen.getContext("2d").putImageData(pictureOf(levels, [height, width], channels), 0, 0);
    return predict(model, cells);
  };
  const read = () => take(context.getImageData(0, 0, canvas.width, canvas.height));
  const reset = () => {
    context.fillStyle = paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    read();
    show(null); // an empty sheet is no image
  };
  let last = null;
  const draw = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((at) => (at * canvas.width) / box.width);
    // About as wide as a pixel and a half of the image.
    Object.assign(context, { strokeStyle: ink, lineWidth: (1.6 * SIDE) / Math.max(width, 16), lineCap: "round" });
    context.beginPath();
    context.moveTo(...(last ?? [x, y]));
    context.lineTo(x, y);
    context.stroke();
    last = [x, y];
    show(read());
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => last && draw(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
  clear.addEventListener("click", reset);
  file.addEventListener("change", async () => {
    if (!file.files[0]) return;
    const image = await createImageBitmap(file.files[0]);
    const whole = new OffscreenCanvas(image.width, image.height).getContext("2d");
    whole.drawImage(image, 0, 0);
    show(take(whole.getImageData(0, 0, image.width, image.height)));
  });
  place.append(
    element("div", { className: "drawing" }, [
      ...(channels === 1 ? [element("figure", {}, [canvas, element("figcaption", { textContent: "draw here" })])] : []),
      element("figure", {}, [seen, element("figcaption", { textContent: `what the network sees: ${height} x ${width}` })]),
    ]),
    element("p", { className: "controls" }, [...(channels === 1 ? [clear] : []), label, file]),
  );
  reset();
}

// The numbers of black and white, and whether most images of training have dark borders.
function levelsOf({ network, ranges, image }) {
  const limits = network.inputs.columns.map((column) => ranges[column.name]).filter(Boolean);
  const low = image.are_files ? 0 : Math.min(...limits.map(([least]) => least), 0);
  const high = image.are_files ? 1 : Math.max(...limits.map(([, greatest]) => greatest), low + 1e-6);
  const [height, width, channels] = image.shape;
  const isBorder = (i) => {
    const [y, x] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width];
    return y === 0 || x === 0 || y === height - 1 || x === width - 1;
  };
  const border = network.inputs.columns.filter((_, i) => isBorder(i)).map(({ median }) => median);
  const mean = border.reduce((a, b) => a + b, 0) / border.length;
  return { low, high, isDark: mean < (low + high) / 2 };
}

// The pixels of an image, red, green, blue and alpha from 0 to 255, in another size, from 0 to 1: bilinear, and where it
// becomes smaller over all pixels that a new one covers, as burnlab scales image files. Grey as of ITU-R BT.601.
function scaled(bytes, [height, width], [newHeight, newWidth], channels) {
  const level = (pixel, channel) =>
    channels === 3
      ? bytes[4 * pixel + channel]
      : 0.299 * bytes[4 * pixel] + 0.587 * bytes[4 * pixel + 1] + 0.114 * bytes[4 * pixel + 2];
  const [rows, columns] = [weightsOf(height, newHeight), weightsOf(width, newWidth)];
  const levels = [];
  for (const row of rows) {
    for (const column of columns) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        row.of.forEach((down, dy) => {
          column.of.forEach((across, dx) => {
            sum += down * across * level((row.first + dy) * width + column.first + dx, channel);
          });
        });
        levels.push(sum / 255);
      }
    }
  }
  return levels;
}

// Of each new pixel along a side: the first old one that it is made of, and the share of each from there.
function weightsOf(old, size) {
  const scale = old / size;
  const reach = Math.max(scale, 1);
  return Array.from({ length: size }, (_, pixel) => {
    const centre = (pixel + 0.5) * scale;
    const first = Math.floor(Math.max(centre - reach + 0.5, 0));
    const end = Math.min(Math.max(Math.floor(centre + reach + 0.5), first + 1), old);
    const heights = Array.from({ length: end - first }, (_, i) =>
      Math.max(1 - Math.abs((first + i + 0.5 - centre) / reach), 0),
    );
    const sum = heights.reduce((a, b) => a + b, 0);
    return { first, of: heights.map((part) => part / sum) };
  });
}

function pictureOf(levels, [height, width], channels) {
  const bytes = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      bytes[4 * pixel + channel] = 255 * levels[channels === 3 ? 3 * pixel + channel : pixel];
    }
  }
  return new ImageData(bytes, width, height);
}
