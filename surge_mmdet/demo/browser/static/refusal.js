// A sentence for the person in front of the page: what came in is wrong, nothing is broken.
export class Refusal extends Error {}
