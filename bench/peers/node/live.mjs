// The part of Boreas's schema that subscribers of a deployment use, without anything behind it: what both servers share.

export const typeDefs = `
  scalar DateTime
  scalar Cursor
  type Query { ok: Boolean! }
  type Mutation { pauseDeployment(input: ByIdInput!): Payload! resumeDeployment(input: ByIdInput!): Payload! }
  input ByIdInput { id: ID! }
  type Payload { errors: [Problem!]! }
  type Problem { message: String! }
  type Subscription { deploymentEvents(id: ID!, after: Cursor): DeploymentEventBatch! }
  type DeploymentEventBatch { cursor: Cursor! caughtUp: Boolean! events: [DeploymentEvent!]! }
  interface DeploymentEvent { cursor: Cursor! at: DateTime! deploymentId: ID! }
  type DeploymentPaused implements DeploymentEvent { cursor: Cursor! at: DateTime! deploymentId: ID! paused: Boolean! }
`;

let number = 0;

export const first = () => ({ cursor: `event:${number}`, caughtUp: true, events: [] });

export function event(deploymentId, paused) {
  number += 1;
  const cursor = `event:${number}`;
  const at = new Date().toISOString();
  const events = [{ __typename: 'DeploymentPaused', cursor, at, deploymentId, paused }];
  return { cursor, caughtUp: true, events };
}

export function tell(port) {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/graphql` }));
}
