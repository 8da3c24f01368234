// The version of this engine: in the handshake, in reports, and in the identity of a job. Equal to package.json (test/process/engine-version.test.ts).
export const version = '0.1.0';
