/** The verifier is one file. It must not start what lies beside it: anybody may have put that there. */
export const hashProgram: string | undefined = undefined;
