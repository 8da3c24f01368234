// Values of a checkpoint's files in error messages: the spelling that the check service uses too.
export { clip, spell } from '@quantwright/schemas/checkpoint/spell';
