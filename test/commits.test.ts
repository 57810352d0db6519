import { describe, expect, it } from "vitest";
import { Commits } from "../src/commits.ts";
import { FakeClock } from "../src/testing/mod.ts";

interface Heard {
  listeners: number;
  hear(): void;
}

function database({ tells = true } = {}) {
  const clock = new FakeClock();
  const ears = new Set<() => void>();
  const state = { version: 1, looks: 0, news: 0 };
  const onCommit = (heard: () => void) => {
    ears.add(heard);
    return () => void ears.delete(heard);
  };
  const version = () => {
    state.looks++;
    return state.version;
  };
  const source = { version, ...(tells && { onCommit }) };
  const commits = new Commits(clock, source, () => state.news++);
  const heard: Heard = {
    get listeners() {
      return ears.size;
    },
    hear: () => ears.forEach((ear) => ear()),
  };
  return { clock, commits, state, heard };
}

describe("commits of others", () => {
  it("are looked for rarely where the system tells of them", async () => {
    const { clock, commits, state, heard } = database();
    commits.start(1);
    await clock.advance("2s");
    expect(heard.listeners).toBe(1);
    state.looks = 0;
    await clock.advance("10s");
    expect(state.looks).toBeLessThanOrEqual(40);
    commits.stop();
    expect(heard.listeners).toBe(0);
  });

  it("are news a moment after the system told, even when they show a little later", async () => {
    const { clock, commits, state, heard } = database();
    commits.start(1);
    await clock.advance("2s");
    heard.hear();
    await clock.advance(1);
    expect(state.news).toBe(0);
    await clock.advance(5);
    state.version++;
    await clock.advance(5);
    expect(state.news).toBe(1);
    state.version++;
    await clock.advance(8);
    expect(state.news).toBe(2);
    commits.stop();
  });

  it("are looked for but a few times when what was heard was no commit of others", async () => {
    const { clock, commits, state, heard } = database();
    commits.start(1);
    await clock.advance("2s");
    state.looks = 0;
    heard.hear();
    expect(heard.listeners).toBe(0);
    await clock.advance(100);
    expect(state.looks).toBeGreaterThan(3);
    expect(state.looks).toBeLessThan(10);
    expect(heard.listeners).toBe(1);
    commits.stop();
  });

  it("are found by the next look when the system told nothing", async () => {
    const { clock, commits, state } = database();
    commits.start(1);
    await clock.advance("2s");
    state.version++;
    await clock.advance(250);
    expect(state.news).toBe(1);
    commits.stop();
  });

  it("are looked for often once the system has told of none of several", async () => {
    const { clock, commits, state } = database();
    commits.start(1);
    for (let i = 0; i < 3; i++) {
      await clock.advance("2s");
      state.version++;
      await clock.advance("2s");
    }
    expect(state.news).toBe(3);
    state.version++;
    await clock.advance(16);
    expect(state.news).toBe(4);
    commits.stop();
  });

  it("are looked for often where the system tells nothing", async () => {
    const { clock, commits, state } = database({ tells: false });
    commits.start(1);
    await clock.advance("1m");
    state.version++;
    await clock.advance(16);
    expect(state.news).toBe(1);
    commits.stop();
  });

  it("are news at once when one fell between two who began to look", async () => {
    const { clock, commits, state } = database();
    commits.start(1);
    await clock.advance("2s");
    state.version = 2;
    commits.start(2);
    await clock.advance(1);
    expect(state.news).toBe(1);
    commits.stop();
  });

  it("are looked for rarely also by who begins again and finds nothing new", async () => {
    const { clock, commits, state, heard } = database();
    commits.start(1);
    await clock.advance("2s");
    commits.stop();
    state.looks = 0;
    commits.start(1);
    await clock.advance("1s");
    expect(state.looks).toBeLessThan(15);
    expect(heard.listeners).toBe(1);
    commits.stop();
  });

  it("are news at once when one fell into the moment when nobody listened", async () => {
    const { clock, commits, state } = database();
    commits.start(1);
    await clock.advance("2s");
    commits.stop();
    state.version = 2;
    commits.start(1);
    await clock.advance(1);
    expect(state.news).toBe(1);
    commits.stop();
  });

  it("are looked for often, and not listened for, while this process is at work", async () => {
    const { clock, commits, state, heard } = database();
    commits.start(1);
    await clock.advance("2s");
    commits.stop();
    state.looks = 0;
    commits.alert();
    commits.start(1);
    await clock.advance(900);
    expect(heard.listeners).toBe(0);
    expect(state.looks).toBeGreaterThan(100);
    expect(state.looks).toBeLessThan(115);
    commits.stop();
  });

  it("are nobody's business after the stop", async () => {
    const { clock, commits, state } = database();
    commits.start(1);
    await clock.advance("2s");
    commits.stop();
    state.version++;
    await clock.advance("1m");
    expect(state.news).toBe(0);
  });
});
