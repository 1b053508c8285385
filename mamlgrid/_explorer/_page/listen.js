// What a reader does on a surface: point, click, drag a handle, press a key.

import { clamped } from "./state.js";
import { handles } from "./tasks.js";

const REACH = { touch: 22, mouse: 11 }; // pixels from a handle within which a pointer takes it

// `set(change)` changes the state, `move(index, value, done)` a live number: done when the finger is lifted.
export function listenTo(canvas, view, { set, move }) {
  const { axes } = view.data;
  const where = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    return { x, y, inside: canvas.frame?.holds(x, y), point: canvas.frame && clamped([canvas.frame.ax(x), canvas.frame.ay(y)], axes) };
  };
  // The handle nearest to a place, within the reach of a pointer.
  const handleAt = ({ x, y, inside }, reach) => {
    if (!inside || x > canvas.frame.left + 2 * reach) return null;
    const far = (index) => Math.abs(y - canvas.frame.py(view.state.p[index]));
    const near = handles(view).map(({ index }) => index).filter((index) => far(index) < reach);
    return near.length ? near.reduce((a, b) => (far(b) < far(a) ? b : a)) : null;
  };
  const reachOf = ({ pointerType }) => (pointerType === "touch" ? REACH.touch : REACH.mouse);
  const holds = (event) => view.dragging !== null && canvas.hasPointerCapture(event.pointerId);

  // A finger on a handle drags it; anywhere else it scrolls the page.
  canvas.addEventListener(
    "touchstart",
    (event) => {
      if (event.touches.length === 1 && handleAt(where(event.touches[0]), REACH.touch) !== null) event.preventDefault();
    },
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (event) => {
    const near = event.button === 0 ? handleAt(where(event), reachOf(event)) : null;
    if (near === null) return;
    view.dragging = near;
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    const there = where(event);
    canvas.style.cursor = view.dragging !== null || handleAt(there, REACH.mouse) !== null ? "ns-resize" : "crosshair";
    if (holds(event)) move(view.dragging, there.point[1], false);
    else if (there.inside && !view.state.pinned && event.pointerType !== "touch") set({ point: there.point });
  });
  const lifted = (event) => {
    if (!holds(event)) return;
    canvas.releasePointerCapture(event.pointerId);
    canvas.dragged = event.type === "pointerup" && event.pointerType !== "touch";
    move(view.dragging, view.state.p[view.dragging], true);
  };
  canvas.addEventListener("pointerup", lifted);
  canvas.addEventListener("pointercancel", lifted);
  canvas.addEventListener("click", (event) => {
    if (canvas.dragged) {
      canvas.dragged = false;
      return;
    }
    const { inside, point } = where(event);
    // Of several surfaces, the one that is clicked is the one whose loop is run.
    const chosen = canvas.meta === view.state.meta ? {} : { meta: canvas.meta };
    if (inside) set({ point, pinned: true, start: point, ...chosen });
  });
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.05 : 0.005;
    const [width, height] = [axes.alpha[1] - axes.alpha[0], axes.theta[1] - axes.theta[0]];
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const { point, presenting } = view.state;
    if (by) set({ point: clamped([point[0] + by[0] * step * width, point[1] + by[1] * step * height], axes), pinned: true });
    else if (event.key === "Enter") set({ start: [...point], pinned: true });
    else if (event.key === "Escape" && !presenting) set({ start: null, pinned: false });
    else return;
    event.preventDefault();
  });
}
