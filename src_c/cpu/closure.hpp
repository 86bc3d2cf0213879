// Transitive closure and transitive reduction of a directed acyclic graph of child -> parent edges.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace hypergeom::cpu {

// Sorted ancestor lists of all nodes, in time and memory proportional to the closure (and to the lists read on the
// way: one per edge of the reduction). A graph with a cycle is not closed; `cycle` then holds one.
class Closure {
  public:
    // m rows (child, parent), both in [0, n), n < 2^31. The edges are read in the constructor only.
    Closure(const int64_t* edges, int64_t m, int64_t n)
        : basic(m, 0), edges_(edges), m_(m), n_(n), begin_(n, 0), end_(n, 0) {
        const Groups children = group_by(1);
        const std::vector<int64_t> order = parents_first(children);
        if (static_cast<int64_t>(order.size()) < n)
            cycle = find_cycle(order);
        else
            close(order, nearest_parents_first(children, order));
    }

    std::vector<int64_t> cycle;  // v0, v1, ...: each is a child of the next, the last one of v0
    std::vector<uint8_t> basic;  // per edge: 1 in the transitive reduction; of equal edges, 1 for one of them

    int64_t size() const { return static_cast<int64_t>(ancestors_.size()); }

    // size() rows (child, ancestor) in lexicographic order.
    void write(int64_t* out) const {
        for (int64_t u = 0; u < n_; ++u)
            for (int64_t k = begin_[u]; k < end_[u]; ++k) {
                *out++ = u;
                *out++ = ancestors_[k];
            }
    }

  private:
    struct Groups {  // the edges of node u: edge[first[u]] ... edge[first[u + 1] - 1]
        std::vector<int64_t> first, edge;
    };

    int64_t child(int64_t e) const { return edges_[2 * e]; }
    int64_t parent(int64_t e) const { return edges_[2 * e + 1]; }

    std::vector<int64_t> offsets(int column) const {
        std::vector<int64_t> first(n_ + 1, 0);
        for (int64_t e = 0; e < m_; ++e) ++first[edges_[2 * e + column] + 1];
        for (int64_t u = 0; u < n_; ++u) first[u + 1] += first[u];
        return first;
    }

    Groups group_by(int column) const {
        Groups groups{offsets(column), std::vector<int64_t>(m_)};
        std::vector<int64_t> next = groups.first;
        for (int64_t e = 0; e < m_; ++e) groups.edge[next[edges_[2 * e + column]]++] = e;
        return groups;
    }

    // Kahn's order; nodes on a cycle, and all below one, are missing from it.
    std::vector<int64_t> parents_first(const Groups& children) const {
        std::vector<int64_t> waiting_for(n_, 0), order;
        order.reserve(n_);
        for (int64_t e = 0; e < m_; ++e) ++waiting_for[child(e)];
        for (int64_t u = 0; u < n_; ++u)
            if (waiting_for[u] == 0) order.push_back(u);
        for (size_t i = 0; i < order.size(); ++i)
            for (int64_t k = children.first[order[i]]; k < children.first[order[i] + 1]; ++k)
                if (const int64_t u = child(children.edge[k]); --waiting_for[u] == 0) order.push_back(u);
        return order;
    }

    // A node missing from the order has a parent that is missing too: walking up n steps ends on a cycle.
    std::vector<int64_t> find_cycle(const std::vector<int64_t>& order) const {
        std::vector<int64_t> up(n_, -1);
        std::vector<uint8_t> placed(n_, 0);
        for (const int64_t u : order) placed[u] = 1;
        for (int64_t e = 0; e < m_; ++e)
            if (!placed[child(e)] && !placed[parent(e)]) up[child(e)] = parent(e);
        int64_t v = std::find(placed.begin(), placed.end(), 0) - placed.begin();
        for (int64_t step = 0; step < n_; ++step) v = up[v];
        std::vector<int64_t> found{v};
        for (int64_t u = up[v]; u != v; u = up[u]) found.push_back(u);
        return found;
    }

    Groups nearest_parents_first(const Groups& children, const std::vector<int64_t>& order) const {
        Groups parents{offsets(0), std::vector<int64_t>(m_)};
        std::vector<int64_t> next = parents.first;
        for (auto p = order.rbegin(); p != order.rend(); ++p)
            for (int64_t k = children.first[*p]; k < children.first[*p + 1]; ++k)
                parents.edge[next[child(children.edge[k])]++] = children.edge[k];
        return parents;
    }

    // Ancestors of u = its parents and theirs. A parent that an earlier one already brought in, as its ancestor, adds
    // nothing and its edge is not basic; the order of the parents makes this test complete.
    void close(const std::vector<int64_t>& order, const Groups& parents) {
        std::vector<int64_t> seen_by(n_, -1);
        const auto add = [&](int64_t u, int64_t ancestor) {
            if (seen_by[ancestor] == u) return;
            seen_by[ancestor] = u;
            ancestors_.push_back(static_cast<int32_t>(ancestor));
        };
        for (const int64_t u : order) {
            begin_[u] = size();
            int64_t n_basic = 0;
            for (int64_t k = parents.first[u]; k < parents.first[u + 1]; ++k) {
                const int64_t e = parents.edge[k], p = parent(e);
                if (seen_by[p] == u) continue;
                basic[e] = 1;
                ++n_basic;
                for (int64_t j = begin_[p]; j < end_[p]; ++j) add(u, ancestors_[j]);
                add(u, p);
            }
            end_[u] = size();
            const auto first = ancestors_.begin() + begin_[u], last = ancestors_.end();
            if (n_basic == 1)  // a sorted list and one node behind it
                std::rotate(std::upper_bound(first, last - 1, *(last - 1)), last - 1, last);
            else
                std::sort(first, last);
        }
    }

    const int64_t* edges_;
    int64_t m_, n_;
    std::vector<int64_t> begin_, end_;  // the ancestors of u: ancestors_[begin_[u]] ... ancestors_[end_[u] - 1]
    std::vector<int32_t> ancestors_;
};

}  // namespace hypergeom::cpu
