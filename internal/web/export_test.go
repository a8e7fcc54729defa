package web

// LayoutRoutes are the kit's own routes.
var LayoutRoutes = layoutRoutes
