/** Something that a test waits for, or lets others wait for. */
export interface Gate<Value = void> {
  readonly opened: Promise<Value>;
  open(value: Value): void;
}

/** A closed gate. */
export function gate<Value = void>(): Gate<Value> {
  let open: Gate<Value>["open"] = () => {};
  const opened = new Promise<Value>((resolve) => open = resolve);
  return { opened, open };
}
