// What the first screen needs, asked for while the rest of the page's script still begins.

import { ahead } from "./api.js";

/** How many runs the first page has, and how many experiments are listed at first. */
export const FIRST = 200;
export const HOME = 50;

/** The address says nothing: the store opens with its experiments, or with its only one. */
export const isOpening = ["", "#", "#/"].includes(location.hash);

// With a filter or an order, other runs are the first.
if (!/[?&](q|sort)=/.test(location.hash)) ahead(`api/runs?limit=${FIRST}`);
if (isOpening) ahead(`api/experiments?limit=${HOME}`);
