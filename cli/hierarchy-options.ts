import type { Option } from './command.ts';

/** For commands that make keys in the endorsement hierarchy. */
export const endorsementAuth: Option = {
  name: 'endorsement-auth',
  value: 'FILE',
  says: 'The endorsement hierarchy\'s authorization value is all that is in FILE, a newline at its end too; "-" is standard input.',
  completes: 'files',
};

/** For commands that use the owner hierarchy. */
export const ownerAuth: Option = {
  name: 'owner-auth',
  value: 'FILE',
  says: "The same for the owner hierarchy's.",
  completes: 'files',
};
