"use strict";
// Filters, orders and pages what the page carries. Everything from Git or a host is put in as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const PAGE = 50, NAMES = 60;
  const ENDED = { us: "healed by a run", host: "put back on the host", git: "ended by Git" };
  const lower = data.hosts.map((name) => name.toLowerCase());
  const sets = data.sets.map(() => null);
  const open = new Set();
  let found = data.things, page = 0, wanted = "", matching = null;

  /** The numbers of the hosts in a set. */
  function members(number) {
    if (number < 0) return [];
    if (sets[number] === null) {
      const hosts = [];
      let next = 0;
      for (const run of data.sets[number] ? data.sets[number].split(",") : []) {
        const [gap, more] = run.split("+");
        next += parseInt(gap, 36);
        for (let left = more ? parseInt(more, 36) : 0; left >= 0; left--) hosts.push(next++);
      }
      sets[number] = hosts;
    }
    return sets[number];
  }

  function span(site) {
    const place = data.sites.findIndex(([name]) => name === site);
    const end = place + 1 < data.sites.length ? data.sites[place + 1][1] : data.hosts.length;
    return [data.sites[place][1], end];
  }

  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function ago(then) {
    const seconds = Math.max(0, data.now - then);
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]])
      if (seconds >= 2 * size || (unit === "min" && seconds >= size)) return `${Math.floor(seconds / size)} ${unit} ago`;
    return `${seconds} s ago`;
  }

  const moment = (then) => `${new Date(then * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const number = (value) => value.toLocaleString("en-US");
  const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

  /** Whether a thing is about what is searched for: by its own words, or by a host that it drifted on. */
  function about(thing) {
    const words = [thing.name, thing.service, thing.owner, thing.place, ...thing.episodes.map((each) => each[0])];
    if (words.some((text) => text.toLowerCase().includes(wanted))) return true;
    return matching !== null && members(thing.all).some((host) => matching.has(host));
  }

  function fits(thing) {
    const state = at("state").value, service = at("service").value, kind = at("kind").value, site = at("site").value;
    if (state === "now" && !thing.now) return false;
    if (state === "over" && thing.now) return false;
    if (state === "fight" && !thing.fight) return false;
    if (service && thing.service !== service) return false;
    if (kind && thing.kind !== kind) return false;
    if (site) {
      const [first, end] = span(site);
      if (!members(thing.all).some((host) => host >= first && host < end)) return false;
    }
    return !wanted || about(thing);
  }

  const compare = (left, right) => (left < right ? -1 : left > right ? 1 : 0);
  const ORDERS = {
    now: (a, b) => b.now - a.now || b.drifts - a.drifts,
    since: (a, b) => (a.since || Infinity) - (b.since || Infinity) || b.drifts - a.drifts,
    drifts: (a, b) => b.drifts - a.drifts,
    times: (a, b) => b.times - a.times || b.drifts - a.drifts,
    name: () => 0,
  };

  function filter() {
    wanted = at("q").value.trim().toLowerCase();
    matching = null;
    if (wanted) {
      matching = new Set();
      lower.forEach((name, host) => name.includes(wanted) && matching.add(host));
      if (!matching.size) matching = null;
    }
    const order = ORDERS[at("order").value];
    found = data.things.filter(fits).sort((a, b) => order(a, b) || compare(a.name, b.name) || compare(a.service, b.service));
    page = 0;
    show();
  }

  function show() {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    const rows = document.createDocumentFragment();
    for (const thing of found.slice(page * PAGE, (page + 1) * PAGE)) {
      rows.append(row(thing));
      if (open.has(thing)) rows.append(detail(thing));
    }
    at("rows").replaceChildren(rows);
    at("count").textContent =
      found.length === data.things.length ? counted(found.length, "thing") : `${number(found.length)} of ${counted(data.things.length, "thing")}`;
    at("page").textContent = `page ${page + 1} of ${pages}`;
    at("pages").hidden = pages === 1;
    at("back").disabled = page === 0;
    at("forth").disabled = page + 1 >= pages;
  }

  function row(thing) {
    const made = element("tr"), head = element("th"), button = element("button", undefined, "open");
    head.scope = "row";
    button.type = "button";
    button.setAttribute("aria-expanded", String(open.has(thing)));
    button.append(element("code", thing.name));
    if (thing.fight) button.append(element("span", "two masters?", "badge"));
    button.append(element("small", thing.episodes[0][0]));
    button.addEventListener("click", () => toggle(thing, button, made));
    head.append(button);
    const service = element("td", thing.service);
    service.append(element("small", thing.owner));
    const since = element("td", thing.since ? ago(thing.since) : "");
    if (thing.since) since.title = moment(thing.since);
    made.append(head, service, element("td", number(thing.now), "n"), since, element("td", number(thing.drifts), "n"));
    made.append(element("td", `${number(thing.times)}×`, "n"), element("td", endings(thing)));
    return made;
  }

  function endings(thing) {
    const words = ["healed by runs", "put back", "ended by Git"];
    return thing.ended.map((times, by) => (times ? `${words[by]} ${number(times)}×` : "")).filter(Boolean).join(", ");
  }

  function toggle(thing, button, made) {
    const opened = !open.has(thing);
    button.setAttribute("aria-expanded", String(opened));
    if (opened) {
      open.add(thing);
      made.after(detail(thing));
    } else {
      open.delete(thing);
      made.nextElementSibling.remove();
    }
  }

  function detail(thing) {
    const made = element("tr", undefined, "detail"), cell = element("td");
    cell.colSpan = 7;
    if (thing.place) {
      const place = element("p", "asked for at ");
      place.append(element("code", thing.place));
      cell.append(place);
    }
    // Those of the hosts that are searched for come first.
    const about = (each) => matching !== null && members(each[6]).some((host) => matching.has(host));
    const ordered = [...thing.episodes].sort((a, b) => about(b) - about(a));
    for (const each of ordered) cell.append(episode(each));
    if (thing.more) cell.append(element("p", `and ${number(thing.more)} earlier, in the other formats`, "hosts"));
    made.append(cell);
    return made;
  }

  function episode([how, since, until, ended, run, count, set]) {
    const made = element("div", undefined, "episode");
    made.append(element("b", how));
    const over = until ? `to ${moment(until)}, ${run ? `healed by run ${run}` : ENDED[ended]}` : "and goes on";
    made.append(element("div", `${counted(count, "host")}, ${moment(since)} ${over}`), names(members(set), count));
    return made;
  }

  function names(hosts, count) {
    const made = element("div", undefined, "hosts");
    if (!hosts.length) return made;
    const first = matching === null ? hosts : [...hosts].sort((a, b) => matching.has(b) - matching.has(a) || a - b);
    first.slice(0, NAMES).forEach((host, n) => {
      made.append(n ? ", " : "", element(matching !== null && matching.has(host) ? "mark" : "span", data.hosts[host]));
    });
    if (count > NAMES) made.append(` and ${number(count - NAMES)} more`);
    return made;
  }

  function options(id, values) {
    for (const value of [...new Set(values)].sort()) at(id).append(new Option(value, value));
  }

  function turn(by) {
    page += by;
    show();
    at("things").focus();
    at("things").scrollIntoView();
  }

  options("service", data.things.map((thing) => thing.service));
  options("kind", data.things.map((thing) => thing.kind));
  options("site", data.sites.map(([name]) => name));
  at("filters").addEventListener("input", filter);
  at("clear").addEventListener("click", () => {
    at("filters").reset();
    filter();
  });
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("back").addEventListener("click", () => turn(-1));
  at("forth").addEventListener("click", () => turn(1));
  at("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  at("filters").hidden = at("theme").hidden = false;
  filter();
})();
