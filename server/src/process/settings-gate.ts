// Answers wait here until the client has told its settings, so that nothing is judged by settings that are about to change.
// A client that promises to be asked and then does not answer is not waited for long.

export interface SettingsGate {
  readonly passed: Promise<void>;
  /** False when it was open already: what has been answered may have to be answered again. */
  open(): boolean;
}

export function createSettingsGate(): SettingsGate {
  let letThrough = (): void => {};
  let closed = true;
  const passed = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  return {
    passed,
    open() {
      const first = closed;
      closed = false;
      letThrough();
      return first;
    },
  };
}
