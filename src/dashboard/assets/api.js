// Requests to the server, by addresses below that of the page: with a session, this is not at the root.

let token = document.querySelector('meta[name="burnlab-token"]').content;

/** A response that is not a success; `body` is the server's JSON, `{error, at?}`. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error ?? `The server answered ${status}.`);
    this.status = status;
    this.body = body;
  }
}

/**
 * The value of a JSON text. Its objects have nothing but what the text says: a param or metric may be called `toString`, and a
 * run that has none must not seem to.
 */
const parsed = (text) => bare(JSON.parse(text));

function bare(value) {
  if (value === null || typeof value !== "object") return value;
  const isList = Array.isArray(value);
  if (!isList) Object.setPrototypeOf(value, null);
  for (const inner of isList ? value : Object.values(value)) if (typeof inner === "object") bare(inner);
  return value;
}

/** Requests that were sent before anybody needed their answers, by path. */
const sent = new Map();

/** Sends a request whose answer will be needed soon: the next that asks for the same has it. */
export function ahead(path) {
  const answer = fetch(path, { cache: "no-store" });
  // Whoever asks is told that it failed.
  answer.catch(() => {});
  sent.set(path, answer);
}

/** Fetches the page again for its token: a restarted server has a new one. */
async function renewToken() {
  const page = new DOMParser().parseFromString(await (await fetch("./", { cache: "no-store" })).text(), "text/html");
  const found = page.querySelector('meta[name="burnlab-token"]')?.content;
  const isNew = Boolean(found) && found !== token;
  token = found ?? token;
  return isNew;
}

export async function send(method, path, body, signal) {
  const options = { method, signal, headers: {}, cache: "no-store" };
  if (method !== "GET") options.headers["x-burnlab-token"] = token;
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const early = method === "GET" ? sent.get(path) : undefined;
  sent.delete(path);
  const answer = await (early ?? fetch(path, options));
  const text = await answer.text();
  let json = null;
  try {
    json = text ? parsed(text) : null;
  } catch {
    json = { error: text.slice(0, 300) };
  }
  if ([401, 403].includes(answer.status) && method !== "GET" && (await renewToken()))
    return send(method, path, body, signal);
  if (!answer.ok) throw new ApiError(answer.status, json);
  return json;
}

const name = encodeURIComponent;
const query = (params) =>
  Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([key, value]) => `${key}=${name(value)}`)
    .join("&");

/** A page of the runs, `{revision, total, all, runs}`. `asked`: {q, sort, reverse, offset, limit}, all of which may be absent. */
export const runs = (asked) => send("GET", `api/runs?${query(asked)}`);
export const filter = (q, signal) => send("GET", `api/filter?${query({ q })}`, undefined, signal);
export const run = (id) => send("GET", `api/runs/${name(id)}`);
export const fileUrl = (id, file) => `api/runs/${name(id)}/files/${file.split("/").map(name).join("/")}`;
export const reportUrl = (ids) => `api/report?runs=${ids.map(name).join(",")}`;
export const contributionsUrl = (id, row) => `api/runs/${name(id)}/contributions?${query({ row })}`;
/** `asked`: {offset, limit, wrong, order, pixels, inputs}; false and absent values are left out. */
export const predictions = (id, asked) =>
  send(
    "GET",
    `api/runs/${name(id)}/predictions?${query(Object.fromEntries(Object.entries(asked).map(([key, value]) => [key, value === true ? 1 : value || undefined])))}`,
  );
export const series = (key, ids, { maxPoints = 500, after, smooth } = {}) =>
  send(
    "GET",
    `api/series?${query({ key, ids: ids.join(","), max_points: maxPoints, after, smooth: smooth || undefined })}`,
  );
export const compare = (ids, metric) =>
  send("GET", `api/compare?${query({ ids: ids.join(","), ...(metric ? { metric } : {}) })}`);
export const examples = (ids, asked) => send("GET", `api/compare/examples?${query({ ids: ids.join(","), ...asked })}`);
/** `asked`: {offset, limit}. */
export const experiments = (asked) => send("GET", `api/experiments?${query(asked)}`);
/** `asked`: {metric, offset, limit}. */
export const leaderboard = (experiment, asked) => send("GET", `api/leaderboard?${query({ experiment, ...asked })}`);
export const renameExperiment = (from, to) => send("POST", "api/experiments/rename", { from, to });
export const views = () => send("GET", "api/views");
export const saveView = (view) => send("POST", "api/views", view);
export const removeView = (view) => send("DELETE", `api/views/${name(view)}`);
export const sweeps = () => send("GET", "api/sweeps");
export const sweep = (id) => send("GET", `api/sweeps/${name(id)}`);
export const edit = (id, change) => send("PATCH", `api/runs/${name(id)}`, change);
export const remove = (id) => send("DELETE", `api/runs/${name(id)}`);
export const stop = (id) => send("POST", `api/runs/${name(id)}/stop`);
export const trash = () => send("GET", "api/trash");
export const logOut = () => send("DELETE", "api/session");
export const restore = (id) => send("POST", `api/trash/${name(id)}/restore`);

export async function fileText(id, file) {
  const answer = await fetch(fileUrl(id, file), { cache: "no-store" });
  if (!answer.ok) throw new ApiError(answer.status, null);
  return answer.text();
}

/**
 * Follows the store from `revision`. `onChange` gets each `{revision, changed, removed, complete?}`; `onState` gets "live" or
 * "gone". EventSource would retry from the first revision; reconnecting by hand resumes from the last one seen.
 */
export function follow(revision, onChange, onState) {
  let seen = revision;
  let wait = 500;
  const connect = () => {
    const source = new EventSource(`api/events?since=${seen}`);
    source.onopen = () => {
      wait = 500;
      onState("live");
    };
    source.addEventListener("change", (event) => {
      const change = parsed(event.data);
      seen = change.revision;
      onChange(change);
    });
    source.onerror = () => {
      source.close();
      onState("gone");
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, 5000);
    };
  };
  connect();
}
