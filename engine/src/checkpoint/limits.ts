// Limits of the checkpoint reader: those of the check service, which reads the same files.
export { limits } from '@quantwright/schemas/checkpoint/limits';
