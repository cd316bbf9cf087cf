/**
 * Program and arguments, for spawn, so that the kernel ends the program when this process does, whatever ends it: Debian's
 * setpriv asks for the signal (prctl(2), PR_SET_PDEATHSIG) and becomes the program.
 */
export function endsWithParent(program: string, args: readonly string[]): [string, string[]] {
  return ['setpriv', ['--pdeathsig', 'TERM', '--', program, ...args]];
}
