// The little of mocha 12 that the extension-host suite uses; the package ships no types of its own.
declare module 'mocha' {
  interface Test {
    fullTitle(): string;
    readonly duration?: number;
  }
  interface Runner {
    on(event: 'pass' | 'pending', listener: (test: Test) => void): Runner;
    on(event: 'fail', listener: (test: Test, error: Error) => void): Runner;
  }
  interface MochaOptions {
    readonly ui: 'tdd';
    readonly timeout: number;
    readonly color: boolean;
  }
  export default class Mocha {
    constructor(options: MochaOptions);
    readonly suite: { emit(event: 'pre-require', context: object, file: string, mocha: Mocha): void };
    run(done: (failures: number) => void): Runner;
  }
}

interface MochaContext {
  /** Ends the running test as skipped. */
  skip(): never;
  timeout(milliseconds: number): void;
}
type MochaBody = (this: MochaContext) => void | Promise<void>;
declare function suite(title: string, body: () => void): void;
declare function test(title: string, body: MochaBody): void;
declare function suiteSetup(body: MochaBody): void;
declare function suiteTeardown(body: MochaBody): void;
declare function setup(body: MochaBody): void;
declare function teardown(body: MochaBody): void;
