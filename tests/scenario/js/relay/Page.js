// SPDX-License-Identifier: MIT
// What a page of orders asks for, as Relay has it written: pages, a row asked again by its id, a mutation.
const query = graphql`
  query PageQuery($facilities: [ID!]!, $count: Int = 20, $cursor: String) {
    ...Page_orders @arguments(facilities: $facilities, count: $count, cursor: $cursor)
  }
`;
const page = graphql`
  fragment Page_orders on Query
  @argumentDefinitions(facilities: { type: "[ID!]!" }, count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "PageNextQuery") {
    orders(facilityIds: $facilities, first: $count, after: $cursor) @connection(key: "Page_orders") {
      edges { node { ...Page_row } }
    }
  }
`;
const row = graphql`
  fragment Page_row on Order @refetchable(queryName: "OrderAgainQuery") {
    orderNo status totalAmount orderedAt
    dataFreshness { ageSeconds isStale }
    customer { name }
  }
`;
const write = graphql`
  mutation PageNewMutation($input: CreateOrderInput!) {
    createOrder(input: $input) { order { id ...Page_row } errors { code message } }
  }
`;
