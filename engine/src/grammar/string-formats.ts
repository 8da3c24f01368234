// Formats of JSON Schema strings (section 7.3 of the validation draft 2020-12) whose texts a pattern describes exactly, or a part of them that is always valid.

const month31 = '(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])';
const month30 = '(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)';
/** Without 29 February, which needs a leap year. */
const february = '02-(?:0[1-9]|1[0-9]|2[0-8])';
const date = `[0-9]{4}-(?:${month31}|${month30}|${february})`;
/** Without leap seconds. */
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])';
const byte = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?';

export const stringFormats: Readonly<Record<string, string>> = {
  date: `^${date}$`,
  time: `^${time}$`,
  'date-time': `^${date}T${time}$`,
  uuid: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  ipv4: `^${byte}\\.${byte}\\.${byte}\\.${byte}$`,
  email: `^[A-Za-z0-9_+-]{1,30}(?:\\.[A-Za-z0-9_+-]{1,20}){0,2}@${label}(?:\\.${label}){1,3}$`,
  hostname: `^${label}(?:\\.${label}){0,3}$`,
};
