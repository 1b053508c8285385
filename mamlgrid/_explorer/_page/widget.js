// The page in a live notebook: a frame, and messages between it and the model.

const BOTH_WAYS = ["point", "parameters", "meta_loss", "num_steps"];
const TO_PAGE = [...BOTH_WAYS, "overlay"];

export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = model.get("title");
    frame.style = `width: 100%; height: ${model.get("height")}px; border: 0`;
    frame.srcdoc = model.get("page");
    el.append(frame);
    const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    // What the page is known to have: it is not told that again, since it may have moved on meanwhile.
    let known = {};
    const tell = (names) => {
      const news = names.filter((name) => !same(model.get(name), known[name])).map((name) => [name, model.get(name)]);
      if (news.length === 0) return;
      Object.assign(known, Object.fromEntries(news));
      frame.contentWindow?.postMessage({ explorer: Object.fromEntries(news) }, "*");
    };
    const hear = ({ source, data }) => {
      if (source !== frame.contentWindow || !data?.explorer) return;
      if (data.explorer === "here") {
        // A page that has just been opened, perhaps not for the first time: the model has what was chosen.
        known = {};
        tell(TO_PAGE);
        return;
      }
      Object.assign(known, data.explorer);
      for (const name of BOTH_WAYS) {
        if (name in data.explorer && !same(model.get(name), known[name])) model.set(name, known[name]);
      }
      model.save_changes();
    };
    window.addEventListener("message", hear);
    const listeners = TO_PAGE.map((name) => [`change:${name}`, () => tell([name])]);
    for (const [event, listener] of listeners) model.on(event, listener);
    return () => {
      window.removeEventListener("message", hear);
      for (const [event, listener] of listeners) model.off(event, listener);
    };
  },
};
