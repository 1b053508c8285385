// The page in a live notebook: a frame, and messages between it and the model.

const NAMES = ["point", "parameters", "meta_loss", "num_steps"];

export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = model.get("title");
    frame.style = `width: 100%; height: ${model.get("height")}px; border: 0`;
    frame.srcdoc = model.get("page");
    el.append(frame);
    const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    const hear = ({ source, data }) => {
      if (source !== frame.contentWindow || !data?.explorer) return;
      for (const name of NAMES) if (!same(model.get(name), data.explorer[name])) model.set(name, data.explorer[name]);
      model.save_changes();
    };
    window.addEventListener("message", hear);
    const tell = (name) => () => frame.contentWindow?.postMessage({ explorer: { [name]: model.get(name) } }, "*");
    const listeners = [...NAMES, "overlay"].map((name) => [`change:${name}`, tell(name)]);
    for (const [event, listener] of listeners) model.on(event, listener);
    return () => {
      window.removeEventListener("message", hear);
      for (const [event, listener] of listeners) model.off(event, listener);
    };
  },
};
