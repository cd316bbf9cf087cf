/**
 * How a guest learns which domain serves its TPM: domB puts the domid on its kernel's command line, which is measured and which
 * dom0 cannot write, as it can xenstore. vtpm/frontend/told.c reads it.
 */
const NAME = 'domb.vtpm';

/** What domB puts before the command line of a guest whose TPM that domain serves. */
export const vtpmParameter = (backendDomid: number): string => `${NAME}=${backendDomid}`;

/** A command line with the parameter in its first place, where the front end takes it from. */
export function withVtpmParameter(cmdline: string, backendDomid: number): string {
  const parameter = vtpmParameter(backendDomid);
  // A boot script may have read it there, and written it back.
  if (`${cmdline} `.startsWith(`${parameter} `)) return cmdline;
  return cmdline === '' ? parameter : `${parameter} ${cmdline}`;
}

/** All values that a command line gives the parameter. */
export function vtpmParametersIn(cmdline: string): string[] {
  return cmdline
    .split(/\s+/)
    .filter((word) => word.startsWith(`${NAME}=`))
    .map((word) => word.slice(NAME.length + 1));
}
