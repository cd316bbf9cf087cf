/** What becomes of a domain that has stopped: it is destroyed, or stays for somebody to look into it. */
export type EndAction = 'destroy' | 'preserve';

/** Where a manifest says nothing, as in xl.cfg where that can be. */
export const USUAL_END: EndAction = 'destroy';
