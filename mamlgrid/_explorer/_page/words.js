// The curve of optima in a sentence or two.

import { told } from "./colours.js";

const FLAT = "flat";

export function optimumTold(name, { alphas, thetas, status, jumps }) {
  const known = Array.from(alphas, (_, k) => k).filter((k) => Number.isFinite(thetas[k]));
  const flat = status.filter((word) => word.startsWith(FLAT)).length;
  const span = `from alpha ${told(alphas[0])} to ${told(alphas[alphas.length - 1])}`;
  if (known.length === 0) {
    return flat === status.length
      ? `${name} is constant in theta at every alpha ${span}: every theta is as good, and no optimum is single.`
      : `${name} has no optimum ${span}${flat ? `: at ${flat} of ${status.length} alphas every theta is as good` : ""}.`;
  }
  const [first, last] = [known[0], known[known.length - 1]];
  const jumped = jumps.map((jump) => `at alpha ${told(jump.alpha)} from ${told(jump.below)} to ${told(jump.above)}`);
  return (
    `The optimum of ${name} goes from theta ${told(thetas[first])} at alpha ${told(alphas[first])} to ${told(thetas[last])} at ` +
    `alpha ${told(alphas[last])}; ${jumped.length ? `it jumps ${jumped.join(", ")}` : "it does not jump"}.` +
    (flat ? ` At ${flat} of ${status.length} alphas every theta is as good.` : "")
  );
}
