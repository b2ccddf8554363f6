"""All rewrites with what is said about them, those that win most often first."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.instruments.sql.rewrites import (
    aggregation,
    conditions,
    decorrelate,
    duplicates,
    hints,
    limits,
    sargable,
    subqueries,
    unions,
)
from autoopt.instruments.sql.rewrites.trees import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A rewrite.

    Attributes:
        area: Its name.
        does: What it does, as in "computes …".
        because: Why that should be faster.
        rule: Finds where it fits.
        hope: How much is to be hoped, 0 to 1: the order of trying.
    """

    area: str
    does: str
    because: str
    rule: Rule
    hope: float


KNOWN = (
    Known(
        area="correlated subquery",
        does="compute the subquery for all rows at once and join",
        because="the aggregate is then computed in one pass instead of once for each row",
        rule=decorrelate.as_join,
        hope=1.0,
    ),
    Known(
        area="correlated subquery",
        does="compute the subquery for the outer query's keys and join",
        because="the aggregate is then computed in one pass over only the rows that are asked for",
        rule=decorrelate.as_restricted_join,
        hope=0.95,
    ),
    Known(
        area="correlated subquery",
        does="use a window instead of a second look at the same table",
        because="the table is then read once",
        rule=decorrelate.as_window,
        hope=0.9,
    ),
    Known(
        area="semi-join",
        does="write EXISTS as IN",
        because="the subquery then no longer depends on the row and its keys are collected once",
        rule=subqueries.exists_as_in,
        hope=0.9,
    ),
    Known(
        area="anti-join",
        does="write NOT IN as NOT EXISTS, with the same answer for NULL",
        because="the planner can then use an anti-join",
        rule=subqueries.not_in_as_not_exists,
        hope=0.9,
    ),
    Known(
        area="semi-join",
        does="write a comparison of COUNT as EXISTS",
        because="the search then ends at the first row",
        rule=subqueries.count_as_exists,
        hope=0.9,
    ),
    Known(
        area="OR",
        does="write OR as UNION ALL of branches that share no row",
        because="each branch can then be joined or looked up in its own way",
        rule=unions.or_as_union,
        hope=0.8,
    ),
    Known(
        area="sargable condition",
        does="compare the column itself, not a function of it",
        because="indexes and statistics of the column then serve the condition",
        rule=sargable.on_columns,
        hope=0.8,
    ),
    Known(
        area="limit",
        does="compute the costly outputs after LIMIT",
        because="they are then computed for the rows that are shown only",
        rule=limits.late_outputs,
        hope=0.8,
    ),
    Known(
        area="limit",
        does="apply LIMIT before the LEFT JOINs, which keep each row once",
        because="only the rows that are shown are then joined",
        rule=limits.before_left_joins,
        hope=0.8,
    ),
    Known(
        area="limit",
        does="apply ORDER BY and LIMIT in each branch of UNION ALL",
        because="no branch then gives more rows than can be shown",
        rule=limits.into_branches,
        hope=0.7,
    ),
    Known(
        area="aggregation",
        does="aggregate before the join",
        because="one row for each join key is then joined instead of all",
        rule=aggregation.before_joins,
        hope=0.7,
    ),
    Known(
        area="duplicates",
        does="write a join that only filters as EXISTS",
        because="it then makes no duplicates that DISTINCT has to remove",
        rule=duplicates.distinct_join_as_exists,
        hope=0.7,
    ),
    Known(
        area="semi-join",
        does="write IN as a join with the distinct keys",
        because="the few keys can then be read first",
        rule=subqueries.in_as_join,
        hope=0.6,
    ),
    Known(
        area="semi-join",
        does="write IN as EXISTS",
        because="the rows can then be looked up one by one",
        rule=subqueries.in_as_exists,
        hope=0.5,
    ),
    Known(
        area="duplicates",
        does="leave out DISTINCT that removes nothing",
        because="no rows are then sorted or hashed for it",
        rule=duplicates.without_distinct,
        hope=0.6,
    ),
    Known(
        area="duplicates",
        does="write UNION as UNION ALL where no row is there twice",
        because="no rows are then sorted or hashed for it",
        rule=unions.union_as_union_all,
        hope=0.6,
    ),
    Known(
        area="duplicates",
        does="leave out ORDER BY in a subquery",
        because="its order is never seen",
        rule=duplicates.without_order,
        hope=0.5,
    ),
    Known(
        area="bounds",
        does="bound the other table's join key too",
        because="both tables are then filtered before they are joined",
        rule=conditions.bounds_across_joins,
        hope=0.5,
    ),
    Known(
        area="common table expression",
        does="merge a common table expression into its query (NOT MATERIALIZED)",
        because="conditions of the query then reach into it",
        rule=hints.not_materialized,
        hope=0.5,
    ),
    Known(
        area="common table expression",
        does="compute a common table expression once (MATERIALIZED)",
        because="it is then not computed again where it is used",
        rule=hints.materialized,
        hope=0.5,
    ),
    Known(
        area="OR",
        does="write OR of equalities as IN",
        because="the values are then looked up together",
        rule=conditions.or_as_in,
        hope=0.4,
    ),
)
