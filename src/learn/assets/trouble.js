// What the server refuses: told to the reader. Anything else is a mistake of the page, and goes on.

import { ApiError } from "../assets/api.js";
import { toast } from "../assets/dom.js";

/** The status of work that the server ended for a newer one. */
const REPLACED = 409;

/** The server's words, null for what was given up, and an exception for what is no answer of the server. */
export function trouble(problem) {
  if (problem.name === "AbortError" || problem.status === REPLACED) return null;
  if (!(problem instanceof ApiError)) throw problem;
  return problem.message;
}

/** Tells it at the foot of the page. */
export function report(problem) {
  const text = trouble(problem);
  if (text) toast(text);
}
