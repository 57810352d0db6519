import { describe, expect, it } from "vitest";
import { FakeClock } from "../src/testing/mod.ts";
import { Wake } from "../src/wake.ts";

describe("a wake", () => {
  it("calls who watches the topic that is signalled, once", () => {
    const wake = new Wake(new FakeClock());
    const calls: string[] = [];
    wake.watch("work", wake.ticket(), (own) => calls.push(`work ${own}`));
    wake.watch("end", wake.ticket(), (own) => calls.push(`end ${own}`));
    wake.signal("work");
    wake.signal("work");
    expect(calls).toEqual(["work true"]);
    wake.signal("end");
    expect(calls).toEqual(["work true", "end true"]);
  });

  it("calls at once for what has happened since the ticket", () => {
    const wake = new Wake(new FakeClock());
    const ticket = wake.ticket();
    wake.signal("end");
    let calls = 0;
    wake.watch("end", ticket, () => calls++);
    expect(calls).toBe(1);
    wake.watch("work", ticket, () => calls++);
    expect(calls).toBe(1);
  });

  it("calls nobody whose watch was ended", () => {
    const wake = new Wake(new FakeClock());
    let calls = 0;
    wake.watch("work", wake.ticket(), () => calls++)();
    wake.signal("work");
    expect(calls).toBe(0);
  });

  it("hears within a moment that another process has committed", async () => {
    const clock = new FakeClock();
    let version = 1;
    const wake = new Wake(clock, { version: () => version });
    const calls: boolean[] = [];
    wake.watch("work", wake.ticket(), (own) => calls.push(own));
    wake.watch("end", wake.ticket(), (own) => calls.push(own));
    await clock.advance("1s");
    expect(calls).toEqual([]);
    version = 2;
    await clock.advance(20);
    expect(calls).toEqual([false, false]);
  });

  it("hears of a commit between ticket and watch", async () => {
    const clock = new FakeClock();
    let version = 1;
    const wake = new Wake(clock, { version: () => version });
    const early = wake.ticket();
    version = 2;
    const late = wake.ticket();
    const calls: string[] = [];
    wake.watch("work", late, () => calls.push("late"));
    wake.watch("work", early, () => calls.push("early"));
    await clock.advance(20);
    expect(calls).toContain("early");
  });

  it("looks often after news of this process itself, and rarely when it was quiet", async () => {
    const clock = new FakeClock();
    let asked = 0;
    const onCommit = () => () => {};
    const wake = new Wake(clock, { version: () => ++asked && 1, onCommit });
    const looks = async (): Promise<number> => {
      const end = wake.watch("work", wake.ticket(), () => {});
      asked = 0;
      await clock.advance(900);
      end();
      return asked;
    };
    expect(await looks()).toBeGreaterThan(50);
    await clock.advance("1s");
    expect(await looks()).toBeLessThan(15);
    wake.signal("work");
    expect(await looks()).toBeGreaterThan(50);
  });

  it("asks for the version only while somebody watches", async () => {
    const clock = new FakeClock();
    let asked = 0;
    const wake = new Wake(clock, { version: () => ++asked && 1 });
    const ticket = wake.ticket();
    await clock.advance("1s");
    expect(asked).toBe(1);
    const end = wake.watch("work", ticket, () => {});
    await clock.advance("1s");
    expect(asked).toBeGreaterThan(50);
    end();
    const before = asked;
    await clock.advance("1m");
    expect(asked).toBe(before);
  });

  it("waits for the end of one job no longer than it is told, or than its signal", async () => {
    const clock = new FakeClock();
    const wake = new Wake(clock);
    const controller = new AbortController();
    const { signal } = controller;
    const ends: string[] = [];
    const end = (name: string) => () => ends.push(name);
    void wake.news("end", wake.ticket(), { mostMs: 5_000 }).then(end("time"));
    void wake.news("end", wake.ticket(), { mostMs: 9_000, signal }).then(end("signal"));
    await clock.advance(4_999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual(["time"]);
    controller.abort();
    await clock.advance(1);
    expect(ends).toEqual(["time", "signal"]);
    void wake.news("end", wake.ticket(), { mostMs: 9_000, signal }).then(end("aborted before"));
    await clock.advance(1);
    expect(ends).toContain("aborted before");
  });
});

describe("a listener of a wake", () => {
  it("is called at each nudge until it ends, and at no signal", () => {
    const wake = new Wake(new FakeClock());
    const calls: boolean[] = [];
    const end = wake.listen((own) => calls.push(own));
    wake.signal("work");
    wake.nudge();
    wake.nudge();
    end();
    wake.nudge();
    expect(calls).toEqual([true, true]);
  });

  it("makes nobody poll, and hears of other processes from those who do", async () => {
    const clock = new FakeClock();
    let version = 1;
    let polls = 0;
    const wake = new Wake(clock, {
      version: () => {
        polls++;
        return version;
      },
    });
    const calls: boolean[] = [];
    wake.listen((own) => calls.push(own));
    await clock.advance("1s");
    expect(polls).toBe(0);
    wake.watch("work", wake.ticket(), () => {});
    version++;
    await clock.advance("1s");
    expect(calls).toEqual([false]);
  });
});
