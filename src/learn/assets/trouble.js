// What the server refuses, and that it does not answer: told to the reader. Anything else is a mistake of the page, and goes on.

import { ApiError } from "../assets/api.js";
import { toast } from "../assets/dom.js";

/** The status of work that the server ended for a newer one, and of work that it has no place for. */
const REPLACED = 409,
  BUSY = 503;

/** What all widgets say, in the reader's language. */
export let said = (key) => key;
export const speak = (words) => {
  said = words;
};

/** Words for the reader, null for what was given up, and an exception for what is no answer of the server. */
export function trouble(problem) {
  if (problem.name === "AbortError" || problem.status === REPLACED) return null;
  if (problem.status === BUSY) return said("busy");
  // A fetch that finds nobody; each browser has words of its own.
  if (problem instanceof TypeError && /fetch|network|load failed/i.test(problem.message)) return said("gone");
  if (!(problem instanceof ApiError)) throw problem;
  return problem.message;
}

/** Tells it at the foot of the page. */
export function report(problem) {
  const text = trouble(problem);
  if (text) toast(text);
}
