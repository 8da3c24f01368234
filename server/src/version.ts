// The version the server reports. A test keeps it equal to the manifest's: a bundle has no package.json beside it to read.
export const version = '0.1.0';
